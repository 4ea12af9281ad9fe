//! What is told of a run, and how its command is called.

use std::ffi::OsString;

use super::{Told, line_of, name_of, sentence};

fn words(all: &[&str]) -> Vec<OsString> {
    all.iter().map(OsString::from).collect()
}

fn told(operations: Option<Vec<u64>>, parent: Option<&str>) -> Told {
    Told {
        session: "8f0c12345678".to_owned(),
        parent: parent.map(str::to_owned),
        exit: 0,
        operations,
        paths: Some(1),
    }
}

#[test]
fn a_command_is_called_by_its_first_word() {
    assert_eq!(name_of(&words(&["/usr/bin/make", "-j"])), "make");
    assert_eq!(name_of(&words(&["./x"])), "x");
    assert_eq!(name_of(&words(&["/"])), "/");
    assert_eq!(
        name_of(&words(&["\u{e4}".repeat(300).as_str()]))
            .chars()
            .count(),
        100
    );
}

#[test]
fn what_looks_for_danger_sees_the_line_as_it_would_be_typed() {
    assert_eq!(
        line_of(&words(&["rm", "-r", "a b", "it's"])),
        r"rm -r 'a b' 'it'\''s'"
    );
    assert_eq!(
        line_of(&words(&["/bin/sh", "-c", "rm -r x", "sh"])),
        "rm -r x"
    );
    assert_eq!(line_of(&words(&["echo", ""])), "echo ''");
}

#[test]
fn the_way_back_is_told_where_there_is_one() {
    let text = sentence(&told(Some(vec![4, 5]), None));
    assert_eq!(
        text,
        "aft: session 8f0c1234: 2 operations, 1 path; `aft undo --session 8f0c1234` takes them back"
    );
    assert!(!sentence(&told(Some(Vec::new()), None)).contains("undo"));
    assert!(sentence(&told(Some(Vec::new()), Some("aaaabbbbcccc"))).contains("aaaabbbb"));
    assert!(sentence(&told(None, None)).contains("not known"));
}
