//! Rules for every text file: white space, places of one machine.
//!
//! Does: check lines as they stand.
//! Does not: tell code from comments ([`super::sources`] does).

use super::sources::is_test_code;
use super::{Allowed, Report, SourceFile};

/// Directories of one machine. Put together here, so that this file passes its own rule.
const MACHINE_DIRS: [&str; 2] = [concat!("/wo", "rk"), concat!("/ro", "ot")];

/// Directories of somebody's: an example in a test may name one, nothing else.
const PERSONAL_DIRS: [&str; 2] = [concat!("/ho", "me"), concat!("/Use", "rs")];

/// Words of a package registry's mirror: a lock file or configuration that names one works on one machine only.
const MIRROR_WORDS: [&str; 4] = [
    concat!("art", "ifactory"),
    concat!("ne", "xus."),
    concat!("replace", "-with"),
    concat!("extra-", "index-url"),
];

/// Checks one file.
pub(crate) fn check(file: &SourceFile, allowed: &Allowed, report: &mut Report) {
    let lock = file.path == "Cargo.lock";
    for (line, number) in file.text.lines().zip(1..) {
        let place = format!("{}:{number}", file.path);
        if line.ends_with([' ', '\t', '\r']) && !allowed.covers("trailing-space", &file.path) {
            report.error(&place, "white space at the end of the line");
        }
        let personal = if is_test_code(&file.path) {
            [].as_slice()
        } else {
            PERSONAL_DIRS.as_slice()
        };
        if let Some(dir) = MACHINE_DIRS
            .iter()
            .chain(personal)
            .find(|dir| names_dir(line, dir))
            && !allowed.covers("machine-path", &file.path)
        {
            report.error(&place, format_args!("`{dir}` is a place of one machine"));
        }
        if let Some(word) = MIRROR_WORDS.iter().find(|word| line.contains(**word)) {
            report.error(
                &place,
                format_args!("`{word}` belongs to one machine's package registry"),
            );
        }
        if lock
            && line.starts_with("source = ")
            && !line.contains("github.com/rust-lang/crates.io-index")
        {
            report.error(&place, "a dependency that does not come from crates.io");
        }
    }
    if !file.text.is_empty()
        && !file.text.ends_with('\n')
        && !allowed.covers("trailing-space", &file.path)
    {
        report.error(&file.path, "no newline at the end of the file");
    }
}

/// True where `line` names something in `dir` as an absolute path: `dir/…`, not `a/dir/…` and not `/directory`.
fn names_dir(line: &str, dir: &str) -> bool {
    line.match_indices(dir).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line
            .get(at + dir.len()..)
            .and_then(|text| text.chars().next());
        let starts = !before.is_some_and(|c| c.is_alphanumeric() || "._-~}%$/".contains(c));
        starts && after == Some('/')
    })
}

#[cfg(test)]
mod tests;
