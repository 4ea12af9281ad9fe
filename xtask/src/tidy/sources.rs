//! Rules for Rust files: module docs, sizes, words that must not be there, who may write.
//!
//! Does: look at code and comments apart, so that a rule's name in a comment breaks no rule.
//! Does not: check what clippy checks; the crate graph ([`super::edges`]).

use super::lexer::{self, Views};
use super::{Allowed, Report, SourceFile};

/// Lines from which a file is worth splitting, and from which it must be.
const LINES_WARN: usize = 400;
const LINES_FAIL: usize = 600;

/// Code that must not be there, what is wrong with it, and which exception rule there is.
const BANNED: [(&str, &str, &str); 5] = [
    (
        "thread::sleep",
        "a sleep hides a race: wait on a state with a deadline",
        "sleep",
    ),
    ("todo!", "unfinished code", ""),
    ("unimplemented!", "unfinished code", ""),
    ("#[ignore", "a test that does not run proves nothing", ""),
    ("#[should_panic", "assert on the error instead", ""),
];

/// What makes a writable handle to a workspace: the value without which nobody can write there.
const WRITER_CONSTRUCTOR: &str = "WritableRoot::";
const WRITER_CALLS_MAX: usize = 2;

/// What shows a change, a state or a step whole, secrets too; only the module that knows who is looking may.
const WHOLE_VIEWS: [&str; 4] = [
    "ChangeView::from",
    "StateView::from",
    "StepView::from",
    "changes.iter().map(Into::into)",
];
const SIGHT: &str = "crates/aft-daemon/src/serve/sight.rs";

/// Checks one file.
pub(crate) fn check(file: &SourceFile, allowed: &Allowed, report: &mut Report) {
    check_docs(file, report);
    check_size(file, allowed, report);
    let views = lexer::split(&file.text);
    for (line, number) in views.code.lines().zip(1..) {
        let place = format!("{}:{number}", file.path);
        for (word, reason, rule) in BANNED {
            if line.contains(word) && !allowed.covers(rule, &file.path) {
                report.error(&place, format_args!("`{word}`: {reason}"));
            }
        }
        let shows_whole = WHOLE_VIEWS.iter().any(|view| line.contains(view));
        let is_serving = file.path.starts_with("crates/aft-daemon/src/") && file.path != SIGHT;
        if shows_whole && is_serving && !is_test_code(&file.path) {
            report.error(
                &place,
                "a view that shows secrets to everybody; `Sight` makes views",
            );
        }
        if has_word(line, "unsafe") && !file.path.starts_with("crates/aft-os/") {
            report.error(&place, "`unsafe` lives in aft-os only");
        }
    }
    check_comments(file, &views, report);
}

/// Every file says what it is; every crate also says what it is not.
fn check_docs(file: &SourceFile, report: &mut Report) {
    let documented = file
        .text
        .lines()
        .find(|line| !line.trim().is_empty())
        .is_some_and(|line| line.starts_with("//!"));
    if !documented {
        report.error(&file.path, "no module documentation on the first line");
    }
    if is_crate_root(&file.path) {
        let doc: String = file
            .text
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .collect();
        if !doc.contains("Does not") && !doc.contains("does not") {
            report.error(
                &file.path,
                "the crate's documentation does not say what it does not do",
            );
        }
    }
}

fn is_crate_root(path: &str) -> bool {
    path == "xtask/src/main.rs" || (path.starts_with("crates/") && path.ends_with("/src/lib.rs"))
}

fn check_size(file: &SourceFile, allowed: &Allowed, report: &mut Report) {
    let lines = file.text.lines().count();
    if lines > LINES_FAIL && !allowed.covers("size", &file.path) {
        report.error(
            &file.path,
            format_args!("{lines} lines; {LINES_FAIL} is the limit"),
        );
    } else if lines > LINES_WARN {
        report.warn(&file.path, format_args!("{lines} lines; is it one job?"));
    }
}

/// A note to do something has an issue number, else nobody does it.
fn check_comments(file: &SourceFile, views: &Views, report: &mut Report) {
    for (line, number) in views.comments.lines().zip(1..) {
        let marked = ["TODO", "FIXME", "XXX"]
            .into_iter()
            .any(|mark| has_word(line, mark));
        let numbered = line
            .split('#')
            .skip(1)
            .any(|tail| tail.starts_with(|c: char| c.is_ascii_digit()));
        if marked && !numbered {
            report.error(
                format_args!("{}:{number}", file.path),
                "a note to do something without an issue number",
            );
        }
        if has_word(line, concat!("Under con", "struction")) {
            report.error(format_args!("{}:{number}", file.path), "a stub");
        }
    }
}

/// Writable handles are made in at most two places of the product: where a workspace is opened, and where an
/// unfinished rollback is recovered.
pub(crate) fn check_writers(files: &[SourceFile], report: &mut Report) {
    let mut places = Vec::new();
    for file in files
        .iter()
        .filter(|file| file.path.ends_with(".rs") && !is_test_code(&file.path))
    {
        if file.path.starts_with("crates/aft-os/") {
            continue;
        }
        let code = lexer::split(&file.text).code;
        let product = code.split("#[cfg(test)]").next().unwrap_or_default();
        for (line, number) in product.lines().zip(1..) {
            if line.contains(WRITER_CONSTRUCTOR) {
                places.push(format!("{}:{number}", file.path));
            }
        }
    }
    if places.len() > WRITER_CALLS_MAX {
        report.error(
            places.join(", "),
            format_args!(
                "{} places make a writable workspace handle; {WRITER_CALLS_MAX} may",
                places.len()
            ),
        );
    }
}

/// Tests, fixtures and developer tools.
pub(crate) fn is_test_code(path: &str) -> bool {
    path.starts_with("tests/")
        || path.starts_with("xtask/")
        || path.starts_with("crates/aft-testkit/")
        || path.ends_with("/tests.rs")
        || path.contains("/tests/")
}

/// `word` in `line`, not as a part of a longer word.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let joins = |c: char| c.is_alphanumeric() || c == '_';
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line
            .get(at + word.len()..)
            .and_then(|text| text.chars().next());
        !before.is_some_and(joins) && !after.is_some_and(joins)
    })
}

#[cfg(test)]
mod tests;
