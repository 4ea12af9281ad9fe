//! What is written into a file before something is taken out of it again.

use super::{lines, with_line};

#[test]
fn a_line_is_put_in_and_nothing_else_changes() {
    assert_eq!(with_line(b"a\nb\n", 1, "x"), b"a\n// x\nb\n");
    assert_eq!(with_line(b"a\nb", 9, "x"), b"a\nb// x\n");
    assert_eq!(lines(b"a\nb\n").len(), 2);
}
