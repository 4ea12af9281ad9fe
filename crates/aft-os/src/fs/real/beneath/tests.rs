//! Tests of the module beside this file: fs / real / beneath.

use super::*;

#[test]
fn a_long_path_is_cut_into_parts_the_system_takes() {
    // Every second byte is a `/`, at even and at odd places, so that the limit falls on either.
    for first in ["d", "dd"] {
        let path = format!("{first}{}", "/d".repeat(10_000)).into_bytes();
        let mut parts = Vec::new();
        let mut rest = path.as_slice();
        while rest.len() > PATH_LEN_MAX {
            let (head, tail) = split_long(rest).unwrap();
            assert!(head.len() <= PATH_LEN_MAX, "{}", head.len());
            parts.push(head);
            rest = tail;
        }
        parts.push(rest);
        assert_eq!(parts.join(&b'/'), path);
        let longest = parts.iter().map(|part| part.len()).max();
        assert!(longest >= Some(PATH_LEN_MAX - 1));
    }
    assert!(split_long(&[b'x'; 5_000]).is_none());
}
