//! Tells formatting from other changes.
//!
//! Does: compare two texts without their white space.
//! Does not: know any language; moved braces and added commas are changes.

use crate::diff::is_binary;

/// True where two texts differ, and only in white space.
#[must_use]
pub fn is_formatting(before: &[u8], after: &[u8]) -> bool {
    if before == after || is_binary(before) || is_binary(after) {
        return false;
    }
    let ink = |byte: &&u8| !byte.is_ascii_whitespace();
    before.iter().filter(ink).eq(after.iter().filter(ink))
}
