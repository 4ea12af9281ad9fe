//! Verdicts and good states survive everything that operations do.

use std::sync::Arc;

use aft_model::{FileState, OperationId, RelPath, Standing, Verdict, VerdictStatus};

use crate::tests::disk::Disk;
use crate::tests::{noise, opened, options, put_edit};
use crate::{Collection, Level, Maintenance, Opened, open, prepare};

fn verdict(number: u64) -> Verdict {
    Verdict {
        number,
        check: format!("check-{}", number % 2),
        definition: [7; 32],
        operation: OperationId(number.div_ceil(2)),
        state: [number as u8; 32],
        status: match number % 3 {
            0 => VerdictStatus::Passed,
            1 => VerdictStatus::Failed,
            _ => VerdictStatus::Error,
        },
        started_ns: number as i64 * 1000,
        took_ns: 5,
        details: format!("{{\"reason\":\"number {number}, src/{number}.rs\"}}"),
    }
}

fn standing(operation: u64, is_good: bool) -> Standing {
    Standing {
        operation: OperationId(operation),
        state: [operation as u8; 32],
        is_good,
        time_ns: 9,
    }
}

fn fill(store: &mut Opened) {
    for number in 1..=8 {
        store.writer.put_verdict(&verdict(number)).unwrap();
        store.writer.commit(number % 3 == 0).unwrap();
    }
    store.writer.forget_verdict(3).unwrap();
    let again = Verdict {
        details: "{}".to_owned(),
        ..verdict(5)
    };
    store.writer.put_verdict(&again).unwrap();
    for operation in 1..=4 {
        let contents = noise(operation, 60_000);
        let name = format!("f{operation}");
        put_edit(
            &mut store.writer,
            operation,
            &name,
            FileState::Absent,
            &contents,
        );
    }
    for (operation, is_good) in [(1, true), (2, true), (3, true), (4, false), (9, true)] {
        let standing = standing(operation, is_good);
        store.writer.put_standing(&standing).unwrap();
    }
    // What was taken for good and is not; and what nobody knows any more.
    store.writer.put_standing(&standing(3, false)).unwrap();
    store.writer.forget_standing(OperationId(1)).unwrap();
    store.writer.commit(true).unwrap();
}

fn assert_there(store: &Opened, what: &str) {
    let reader = &store.reader;
    let numbers = |all: Vec<Verdict>| all.iter().map(|one| one.number).collect::<Vec<_>>();
    let all = reader.verdicts(None, 99).unwrap();
    assert_eq!(numbers(all.clone()), [8, 7, 6, 5, 4, 2, 1], "{what}");
    assert_eq!(all[0], verdict(8), "{what}");
    assert_eq!(all[3].details, "{}", "{what}");
    let page = reader.verdicts(Some(6), 2).unwrap();
    assert_eq!(numbers(page), [5, 4], "{what}");
    let page = reader.verdicts(Some(4), 1).unwrap();
    assert_eq!(numbers(page), [2], "{what}");
    let standings = reader.standings(None, 99).unwrap();
    let expected = [(9, true), (4, false), (3, false), (2, true)];
    assert_eq!(
        standings,
        expected.map(|(operation, is_good)| standing(operation, is_good)),
        "{what}"
    );
    // There is no operation 9.
    assert_eq!(reader.last_good().unwrap(), Some(OperationId(2)), "{what}");
    let report = reader.check(true).unwrap();
    assert!(report.is_clean(), "{what}: {report:#?}");
}

#[test]
fn the_newest_record_counts_in_the_tail_the_index_and_the_segments_alone() {
    let disk = Disk::default();
    let mut store = opened(&disk);
    fill(&mut store);
    assert_there(&store, "in the tail");
    store.writer.flush_index().unwrap();
    assert_there(&store, "in the index");
    assert_there(&opened(&disk.after_power_cut()), "after a power cut");
    assert_there(&opened(&disk.after_kill()), "after a kill");
    store.writer.close().unwrap();
    assert_there(&opened(&disk), "opened again");
}

#[test]
fn a_collection_leaves_out_what_was_replaced_and_forgotten_and_nothing_else() {
    let disk = Disk::default();
    let mut store = open(Arc::new(disk.clone()), &options()).unwrap();
    fill(&mut store);
    // What nobody names makes the segment worth a rewriting.
    let unnamed = prepare(&noise(99, 60_000), None, Level::Normal);
    store.writer.put_content(unnamed).unwrap();
    store.writer.commit(true).unwrap();
    let how = Collection {
        dry_run: false,
        seal: true,
        forget: true,
        dead_min: 1,
    };
    let mut removed = 0;
    for round in 0..3 {
        while store.writer.maintain().unwrap() == Maintenance::Working {}
        assert!(store.writer.begin_collection(how).unwrap());
        while store.writer.maintain().unwrap() == Maintenance::Working {}
        removed += store.writer.collected().unwrap().records;
        assert_there(&store, &format!("collection {round}"));
        assert_there(&opened(&disk.after_kill()), "the segments alone");
    }
    // The two standings that lie beside what nobody names; two verdicts alone are too little to rewrite a segment for.
    assert_eq!(removed, 2);
}

#[test]
fn what_names_a_purged_path_goes_with_it() {
    let disk = Disk::default();
    let mut store = open(Arc::new(disk), &options()).unwrap();
    fill(&mut store);
    while store.writer.maintain().unwrap() == Maintenance::Working {}
    let path = RelPath::new("src/6.rs").unwrap();
    store.writer.purge(&path, 1).unwrap();
    let left = store.reader.verdicts(None, 99).unwrap();
    let numbers: Vec<u64> = left.iter().map(|one| one.number).collect();
    assert_eq!(numbers, [8, 7, 5, 4, 2, 1]);
}
