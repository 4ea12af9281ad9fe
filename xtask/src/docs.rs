//! `cargo xtask docs`: the reference documents, made from the code.
//!
//! Does: ask the built binary for its help, the protocol crate for its method table, the configuration for its keys, and write
//! `docs/reference/`; with `--check`, say what is stale and write nothing.
//! Does not: write prose; that is in `docs/` and names these pages.

mod cli;
mod config;
mod rpc;

use std::path::Path;

use crate::shell;

/// The first lines of each page that is meant to be read.
const NOTICE: &str = "<!-- Made by `cargo xtask docs`. Edit the code, not this page. -->\n\n";

/// Makes a page's whole text.
type Maker = fn(&Path) -> anyhow::Result<String>;

/// The pages of `docs/reference`.
const PAGES: [(&str, Maker); 4] = [
    ("cli.md", cli::page),
    ("config.md", config::page),
    ("rpc.md", rpc::page),
    ("openrpc.json", rpc::document),
];

/// Runs the command. `false` when a page could not be made or, with `check`, is stale.
pub(crate) fn run(root: &Path, check: bool) -> anyhow::Result<bool> {
    let mut n_failed = 0;
    let mut n_stale = 0;
    for (name, make) in PAGES {
        let path = root.join("docs/reference").join(name);
        let text = match make(root) {
            Ok(text) => text,
            Err(error) => {
                shell::complain(&format!("docs/reference/{name}: {error:#}"));
                n_failed += 1;
                continue;
            }
        };
        if std::fs::read_to_string(&path).is_ok_and(|old| old == text) {
            continue;
        }
        n_stale += 1;
        if check {
            shell::complain(&format!(
                "docs/reference/{name} is stale: run `cargo xtask docs`"
            ));
        } else {
            shell::write(&path, text.as_bytes())?;
            shell::say(&format!("docs/reference/{name}"));
        }
    }
    let verb = if check { "stale" } else { "written" };
    shell::say(&format!(
        "docs: {} pages, {n_stale} {verb}, {n_failed} failed",
        PAGES.len()
    ));
    Ok(n_failed == 0 && (!check || n_stale == 0))
}

/// Lines without white space at their ends, and one newline at the end of the page.
fn tidy_text(text: &str) -> String {
    let mut out: String = text
        .lines()
        .flat_map(|line| [line.trim_end(), "\n"])
        .collect();
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

#[cfg(test)]
mod tests;
