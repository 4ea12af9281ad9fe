//! Addresses there and back.

use super::*;

fn there_and_back(address: &Address, text: &str) {
    assert_eq!(address.to_string(), text);
    assert_eq!(Address::parse(text).as_ref(), Some(address));
}

#[test]
fn whatever_is_in_a_name_comes_back() {
    there_and_back(
        &Address::File {
            workspace: "/home/a b/p%".to_owned(),
            at: "before/after".to_owned(),
            path: "src/\u{e4} ?#.rs".to_owned(),
        },
        "afterimage://file/%2Fhome%2Fa%20b%2Fp%25/before%2Fafter/src/%C3%A4%20%3F%23.rs",
    );
    there_and_back(
        &Address::Diff {
            workspace: "w1".to_owned(),
            from: "@-3".to_owned(),
            to: "turn:-1".to_owned(),
        },
        "afterimage://diff/w1/@-3/turn:-1",
    );
    there_and_back(
        &Address::Operation {
            workspace: "w1".to_owned(),
            operation: "142".to_owned(),
        },
        "afterimage://operation/w1/142",
    );
}

#[test]
fn what_is_no_address_is_none() {
    for text in [
        "",
        "file:///etc/passwd",
        "afterimage://",
        "afterimage://file/w1/@",
        "afterimage://file/w1//a",
        "afterimage://operation/w1",
        "afterimage://operation/w1/1/2",
        "afterimage://operation/w1/%2",
        "afterimage://operation/w1/%zz",
        "afterimage://operation/w1/%ff",
        "afterimage://tree/w1/@",
    ] {
        assert_eq!(Address::parse(text), None, "{text}");
    }
}
