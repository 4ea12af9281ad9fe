//! What a check says of a log that was changed by a hand, in words.

use std::sync::Arc;

use aft_testkit::sim::{SimStoreDir, SimWorld};

use super::super::book::{Book, Limits};
use super::*;

fn log(world: &SimWorld, n: u64) -> Book {
    let mut book = Book::open(Arc::new(world.store.clone()), Limits::of_total(0)).unwrap();
    for n in 1..=n {
        let json = format!("{{\"time\":\"x\",\"n\":{n}}}");
        book.append(&[json]).unwrap();
    }
    book.sync().unwrap();
    book
}

fn told(store: &SimStoreDir, book: &Book) -> Vec<String> {
    check(store, || Ok(book.standing())).unwrap().problems
}

#[test]
fn a_changed_entry_is_named_and_the_others_still_verify() {
    let world = SimWorld::of_seed(1);
    let book = log(&world, 9);
    let text = String::from_utf8(world.store.peek("part-00000001.log").unwrap()).unwrap();
    let changed = text.replace("\"n\":4", "\"n\":5");
    world.store.plant("part-00000001.log", changed.as_bytes());
    let told = told(&world.store, &book);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("entry 5 in part-00000001.log at byte "),
        "{told:?}"
    );
}

#[test]
fn an_entry_that_is_taken_out_or_put_in_is_named() {
    let world = SimWorld::of_seed(2);
    let book = log(&world, 9);
    let text = String::from_utf8(world.store.peek("part-00000001.log").unwrap()).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let without: String = [&lines[..4], &lines[5..]].concat().concat();
    world.store.plant("part-00000001.log", without.as_bytes());
    assert_eq!(
        told(&world.store, &book),
        ["entry 6 follows entry 4 in part-00000001.log"]
    );
    let twice: String = [&lines[..5], &lines[4..]].concat().concat();
    world.store.plant("part-00000001.log", twice.as_bytes());
    assert_eq!(
        told(&world.store, &book),
        ["entry 5 follows entry 5 in part-00000001.log"]
    );
}

#[test]
fn a_log_that_was_written_anew_with_a_right_chain_does_not_end_where_it_should() {
    let (world, other) = (SimWorld::of_seed(3), SimWorld::of_seed(4));
    let book = log(&world, 9);
    drop(log(&other, 8));
    let text = other.store.peek("part-00000001.log").unwrap();
    world.store.plant("part-00000001.log", &text);
    assert_eq!(told(&world.store, &book), ["entries 10 to 10 are gone"]);
}

#[test]
fn damage_without_end_is_counted() {
    let world = SimWorld::of_seed(5);
    let book = log(&world, 300);
    let text = world.store.peek("part-00000001.log").unwrap();
    let broken: Vec<u8> = text
        .iter()
        .map(|byte| if *byte == b' ' { b'_' } else { *byte })
        .collect();
    world.store.plant("part-00000001.log", &broken);
    let told = told(&world.store, &book);
    assert_eq!(told.len(), PROBLEMS_MAX + 1);
    assert!(told[PROBLEMS_MAX].starts_with("and "), "{told:?}");
}

#[test]
fn an_entry_that_is_forged_with_a_hash_that_fits_it_breaks_the_next() {
    let world = SimWorld::of_seed(6);
    let book = log(&world, 9);
    let text = String::from_utf8(world.store.peek("part-00000001.log").unwrap()).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let forged = |at: usize| {
        let mut head = chain::read(lines[at - 1].trim_end().as_bytes())
            .unwrap()
            .head();
        let mut line = Vec::new();
        chain::put(&mut line, &mut head, 0, "{\"time\":\"x\",\"n\":99}");
        let line = String::from_utf8(line).unwrap();
        let all = [&lines[..at], &[line.as_str()], &lines[at + 1..]].concat();
        world
            .store
            .plant("part-00000001.log", all.concat().as_bytes());
        told(&world.store, &book)
    };
    let told = forged(4);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("entry 6 in "), "{told:?}");
    assert_eq!(forged(9), ["the log up to entry 10 was replaced"]);
}
