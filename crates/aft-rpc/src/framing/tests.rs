//! Lines come out whole, however the bytes come in.

use super::*;

#[test]
fn lines_come_out_whole_however_bytes_come_in() {
    let stream = b"one\ntwo\r\n\nlong line\nrest";
    for size in 1..=stream.len() {
        let mut buffer = LineBuffer::new(64);
        let mut lines = Vec::new();
        for piece in stream.chunks(size) {
            buffer.push(piece);
            while let Some(line) = buffer.next_line().unwrap() {
                lines.push(line.to_vec());
            }
        }
        assert_eq!(
            lines,
            [&b"one"[..], b"two", b"", b"long line"],
            "pieces of {size}"
        );
        assert!(!buffer.is_empty());
        buffer.push(b"\n");
        assert_eq!(buffer.next_line().unwrap(), Some(&b"rest"[..]));
        assert!(buffer.is_empty());
    }
}

#[test]
fn a_line_beyond_the_ceiling_is_an_error_before_and_after_its_end() {
    let mut unended = LineBuffer::new(8);
    unended.push(b"1234567");
    assert_eq!(unended.next_line(), Ok(None));
    unended.push(b"8");
    assert_eq!(unended.next_line(), Err(LineTooLong { max: 8 }));

    let mut ended = LineBuffer::new(8);
    ended.push(b"ok\n12345678\n");
    assert_eq!(ended.next_line(), Ok(Some(&b"ok"[..])));
    assert_eq!(ended.next_line(), Err(LineTooLong { max: 8 }));

    let mut exact = LineBuffer::new(8);
    exact.push(b"1234567\n");
    assert_eq!(exact.next_line(), Ok(Some(&b"1234567"[..])));
}

#[test]
fn depth_counts_brackets_outside_strings_only() {
    assert_eq!(depth(b"7"), 0);
    assert_eq!(depth(b"[{},[[]]]"), 3);
    assert_eq!(depth(br#"{"a":"[[[\"[[["}"#), 1);
    assert_eq!(depth(b"]]][["), 2);
}
