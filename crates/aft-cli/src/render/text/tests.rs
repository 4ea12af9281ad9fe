//! Names, counts and sizes.

use super::*;

#[test]
fn control_characters_and_changes_of_direction_are_written_out() {
    assert_eq!(shown("plain ä 文"), "plain ä 文");
    assert_eq!(shown("a\x1b[31m\nb"), "a\\u{1b}[31m\\nb");
    assert_eq!(shown("a\u{202e}b"), "a\\u{202e}b");
    assert_eq!(path(&WirePath(b"a\xff\x07".to_vec())), "a\u{fffd}\\u{7}");
    assert_eq!(path(&WirePath::from("")), ".");
}

#[test]
fn sizes_have_two_or_three_digits() {
    let shown: Vec<String> = [
        0,
        1023,
        1024,
        1536,
        10 * 1024,
        1_048_575,
        1 << 20,
        5 << 30,
        u64::MAX,
    ]
    .into_iter()
    .map(bytes)
    .collect();
    assert_eq!(
        shown,
        [
            "0 B",
            "1023 B",
            "1.0 KiB",
            "1.5 KiB",
            "10 KiB",
            "1.0 MiB",
            "1.0 MiB",
            "5.0 GiB",
            "16384 PiB"
        ]
    );
}

#[test]
fn one_is_not_many() {
    assert_eq!(count(1, "file", "files"), "1 file");
    assert_eq!(count(0, "file", "files"), "0 files");
    assert_eq!(short_id("0123456789"), "01234567");
    assert_eq!(short_id("01"), "01");
    assert_eq!(short_id("claude-code:s1"), "claude-code:s1");
}
