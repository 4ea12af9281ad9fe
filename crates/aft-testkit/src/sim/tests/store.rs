//! The simulated store: what is durable, what is torn, what fails.

use std::collections::BTreeSet;

use aft_os::StoreDir;

use super::*;

fn after_crash(
    act: impl Fn(&SimWorld),
    look: impl Fn(&SimStoreDir) -> Option<Vec<u8>>,
) -> BTreeSet<Option<Vec<u8>>> {
    let outcome = |seed| {
        let world = SimWorld::of_seed(seed);
        world.store.plant("log", b"head");
        act(&world);
        world.crash();
        look(&world.store)
    };
    (0..200).map(outcome).collect()
}

fn log(store: &SimStoreDir) -> Option<Vec<u8>> {
    store.peek("log")
}

#[test]
fn an_unsynced_append_is_lost_at_one_seed_kept_at_another_and_torn_at_a_third() {
    let seen = after_crash(
        |w| w.store.append("log").unwrap().append(b"tail").unwrap(),
        log,
    );
    assert!(
        seen.iter()
            .flatten()
            .all(|bytes| bytes.starts_with(b"head") && bytes.len() <= 8)
    );
    for expected in [
        b"head".to_vec(),
        b"headtail".to_vec(),
        b"headta".to_vec(),
        b"head\0\0il".to_vec(),
    ] {
        assert!(seen.contains(&Some(expected)), "{seen:?}");
    }
    let garbage =
        |bytes: &Vec<u8>| bytes.len() > 4 && !b"headtail".starts_with(bytes) && !bytes.contains(&0);
    assert!(seen.iter().flatten().any(garbage), "{seen:?}");
}

#[test]
fn a_synced_append_stays_whatever_the_seed() {
    let act = |w: &SimWorld| {
        let mut file = w.store.append("log").unwrap();
        file.append(b"tail").unwrap();
        file.sync().unwrap();
        assert_eq!(file.len(), 8);
    };
    assert_eq!(
        after_crash(act, log),
        BTreeSet::from([Some(b"headtail".to_vec())])
    );
}

#[test]
fn a_new_name_is_durable_only_after_the_directory_is_synced() {
    let act = |w: &SimWorld| {
        let mut file = w.store.append("new").unwrap();
        file.append(b"x").unwrap();
        file.sync().unwrap();
    };
    let look = |s: &SimStoreDir| s.peek("new");
    assert_eq!(
        after_crash(act, look),
        BTreeSet::from([None, Some(b"x".to_vec())])
    );
    let act = |w: &SimWorld| {
        act(w);
        w.store.sync_dir().unwrap();
    };
    assert_eq!(
        after_crash(act, look),
        BTreeSet::from([Some(b"x".to_vec())])
    );
}

#[test]
fn renames_and_removals_are_undone_in_order() {
    let act = |w: &SimWorld| {
        w.store.plant("old", b"2");
        w.store.rename("log", "moved").unwrap();
        w.store.remove("old").unwrap();
    };
    let look = |s: &SimStoreDir| Some(s.list().unwrap().join(",").into_bytes());
    let expected = ["log,old", "moved,old", "moved"].map(|names| Some(names.as_bytes().to_vec()));
    assert_eq!(after_crash(act, look), BTreeSet::from(expected));
}

#[test]
fn a_truncation_that_was_not_synced_may_come_back() {
    let act = |w: &SimWorld| {
        let mut file = w.store.append("log").unwrap();
        file.truncate(2).unwrap();
        file.append(b"XY").unwrap();
    };
    let seen = after_crash(act, log);
    for expected in ["he", "heXY", "head", "heXd"] {
        assert!(
            seen.contains(&Some(expected.as_bytes().to_vec())),
            "{expected} not in {seen:?}"
        );
    }
}

#[test]
fn after_a_failed_sync_a_retry_lies() {
    let act = |w: &SimWorld| {
        let mut file = w.store.append("log").unwrap();
        file.append(b"tail").unwrap();
        w.faults.fail_next(Op::StoreSync, Errno::IO);
        file.sync().unwrap_err();
        file.sync().unwrap();
        file.append(b"more").unwrap();
        file.sync().unwrap();
        assert_eq!(
            w.store.peek("log").unwrap(),
            b"headtailmore",
            "the cache reads well"
        );
    };
    assert_eq!(
        after_crash(act, log),
        BTreeSet::from([Some(b"head\0\0\0\0more".to_vec())])
    );
}

#[test]
fn what_is_written_again_after_a_failed_sync_is_no_lie() {
    let act = |w: &SimWorld| {
        let mut file = w.store.append("log").unwrap();
        file.append(b"tailtorn").unwrap();
        w.faults.fail_next(Op::StoreSync, Errno::IO);
        file.sync().unwrap_err();
        w.store.rewrite("log", 4, b"tail").unwrap();
        file.truncate(8).unwrap();
        file.append(b"more").unwrap();
        file.sync().unwrap();
    };
    assert_eq!(
        after_crash(act, log),
        BTreeSet::from([Some(b"headtailmore".to_vec())])
    );
}

#[test]
fn a_failed_append_leaves_a_part_and_a_full_disk_too() {
    let world = SimWorld::of_seed(9);
    let mut file = world.store.append("log").unwrap();
    world.faults.fail_next(Op::StoreAppend, Errno::IO);
    file.append(&[1; 1000]).unwrap_err();
    assert!(file.len() < 1000);
    file.truncate(0).unwrap();
    world.store.set_quota(10);
    assert_eq!(errno(&file.append(&[1; 11]).unwrap_err()), Errno::NOSPC);
    assert_eq!((file.len(), world.store.free_bytes().unwrap()), (10, 0));
    world.store.set_quota(100);
    file.append(b"fits").unwrap();
}

#[test]
fn replace_is_whole_whatever_step_fails() {
    for step in 0..5 {
        let world = SimWorld::of_seed(step);
        world.store.plant("log", b"old");
        world
            .faults
            .fail_after(Op::StoreReplace, step, 1, Errno::IO);
        world.store.replace("log", b"newer").unwrap_err();
        world.crash();
        let bytes = log(&world.store).unwrap();
        assert!(bytes == b"old" || bytes == b"newer", "{bytes:?}");
    }
    let replaced = after_crash(|w| w.store.replace("log", b"newer").unwrap(), log);
    assert_eq!(replaced, BTreeSet::from([Some(b"newer".to_vec())]));
}

#[test]
fn subdirectories_reads_and_names() {
    let world = SimWorld::of_seed(1);
    let sub = world.store.subdir("segments").unwrap();
    sub.append("0001.seg").unwrap().append(b"12345").unwrap();
    let file = world
        .store
        .subdir("segments")
        .unwrap()
        .read("0001.seg")
        .unwrap();
    let mut buf = [0; 3];
    file.read_exact_at(&mut buf, 2).unwrap();
    assert_eq!((&buf, file.len().unwrap()), (b"345", 5));
    assert_eq!(
        file.read_exact_at(&mut buf, 3).unwrap_err().kind(),
        std::io::ErrorKind::UnexpectedEof
    );
    assert!(world.store.rot("segments/0001.seg", 2, 0xff));
    assert_eq!(world.store.files(), [("segments/0001.seg".to_owned(), 5)]);
    assert_eq!(
        world.store.peek("segments/0001.seg").unwrap()[2],
        b'3' ^ 0xff
    );
    assert!(world.store.append("a/b").is_err());
    assert!(world.store.read("none").err().unwrap().kind() == std::io::ErrorKind::NotFound);
    assert!(world.store.real_path().is_none());
    assert!(world.store.list().unwrap().is_empty());
}

#[test]
fn a_handle_of_an_older_life_answers_with_an_error() {
    let world = SimWorld::of_seed(1);
    let mut file = world.store.append("log").unwrap();
    file.append(b"1").unwrap();
    world.kill();
    assert!(file.append(b"2").is_err());
    assert!(file.sync().is_err());
    assert_eq!(world.store.peek("log").unwrap(), b"1");
}
