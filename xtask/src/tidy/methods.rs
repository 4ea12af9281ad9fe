//! The method table and what the daemon serves are the same.
//!
//! Does: look for an arm of the daemon's dispatch for every method of `aft-rpc`, and the other way round.
//! Does not: know what a method does.

use super::{Allowed, Report, SourceFile, lexer};

/// Where requests are handed to what answers them. `hello` is answered before that, by the connection.
const DISPATCH: &str = "crates/aft-daemon/src/serve/calls.rs";
const BEFORE_DISPATCH: [&str; 1] = ["hello"];

/// Compares the table with the dispatch, if there is one.
pub(crate) fn check(files: &[SourceFile], allowed: &Allowed, report: &mut Report) {
    let names: Vec<&str> = aft_rpc::methods::METHODS
        .iter()
        .map(|method| method.name)
        .collect();
    if let Some(file) = files.iter().find(|file| file.path == DISPATCH) {
        compare(&names, &file.text, allowed, report);
    }
}

fn compare(names: &[&str], source: &str, allowed: &Allowed, report: &mut Report) {
    let served = arms(source);
    for name in names {
        let is_served = served.contains(name) || BEFORE_DISPATCH.contains(name);
        let excepted = allowed.covers("unserved", name);
        if !is_served && !excepted {
            report.error(
                DISPATCH,
                format_args!("`{name}` is in the method table and not served"),
            );
        } else if is_served && excepted {
            report.error(
                "config/tidy.toml",
                format_args!("`unserved` excepts `{name}`, which is served"),
            );
        }
    }
    for arm in served {
        if !names.contains(&arm) {
            report.error(
                DISPATCH,
                format_args!("`{arm}` is served and not in the method table"),
            );
        }
    }
}

/// The literals of match arms: `"name" =>`.
fn arms(source: &str) -> Vec<&str> {
    let code = lexer::split(source).code;
    source
        .lines()
        .zip(code.lines())
        .filter(|(_, code)| code.trim_start().starts_with("=>"))
        .filter_map(|(line, _)| line.trim_start().strip_prefix('"')?.split('"').next())
        .collect()
}

#[cfg(test)]
mod tests;
