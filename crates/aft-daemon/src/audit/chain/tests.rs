//! A line says what was put into it, and every changed byte is told.

use super::*;

fn three() -> (Vec<u8>, Head) {
    let (mut out, mut head) = (Vec::new(), Head::default());
    for (durable, json) in [
        (0, r#"{"part":1}"#),
        (1, r#"{"method":"undo"}"#),
        (1, r#"{"x":"a b  c"}"#),
    ] {
        put(&mut out, &mut head, durable, json);
    }
    (out, head)
}

fn is_sound(bytes: &[u8]) -> bool {
    let mut before = Head::default();
    let whole = bytes.strip_suffix(b"\n").unwrap_or_default();
    whole.split(|byte| *byte == b'\n').all(|line| {
        let Some(line) = read(line) else { return false };
        let good = line.number == before.number + 1 && line.follows(&before.chain);
        before = line.head();
        good
    }) && before.number == 3
}

#[test]
fn what_was_put_is_read() {
    let (bytes, head) = three();
    assert!(is_sound(&bytes));
    let last = bytes.split(|byte| *byte == b'\n').nth(2).unwrap();
    let line = read(last).unwrap();
    assert_eq!((line.number, line.durable), (3, 1));
    assert_eq!(line.json, r#"{"x":"a b  c"}"#);
    assert_eq!(line.head(), head);
}

#[test]
fn every_flip_of_every_byte_is_told() {
    let (bytes, _) = three();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            assert!(!is_sound(&changed), "byte {at}, bit {bit}");
        }
        let mut shorter = bytes.clone();
        shorter.remove(at);
        assert!(!is_sound(&shorter), "byte {at} taken out");
    }
}

#[test]
fn another_form_of_the_same_numbers_is_no_line() {
    let (bytes, _) = three();
    let text = String::from_utf8(bytes).unwrap();
    let first = text.lines().next().unwrap();
    assert!(read(first.as_bytes()).is_some());
    assert!(read(first.replacen(" 1 0 ", " 01 0 ", 1).as_bytes()).is_none());
    assert!(read(first.replacen(" 1 0 ", " +1 0 ", 1).as_bytes()).is_none());
    assert!(read(first.to_uppercase().as_bytes()).is_none());
    assert!(read(b"").is_none());
    assert!(read(first.get(..66).unwrap().as_bytes()).is_none());
}
