//! Developer commands: `cargo xtask tidy | licences | docs | bench | mutants`.
//!
//! Does: check the repository's rules, generate the reference documents, drive the benchmarks.
//! Does not: run in production, or belong to a product crate's dependencies.
//!
//! Start reading at [`tidy`] for the rules, at [`mod@bench`] for how a figure comes about.

mod bench;
mod docs;
mod mutants;
mod shell;
mod tidy;

use std::process::ExitCode;

use anyhow::Context as _;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  tidy              check the rules that neither the compiler nor clippy can check
  licences          check the licence and the number of versions of every dependency
  docs [--check]    write docs/reference from the code; --check only says what is stale
  mutants [NAME…]   plant each bug of config/mutants.toml in a copy, and see its test turn red
  bench [OPTIONS]   measure `aft` beside git and jj on one tree (`cargo xtask bench --help`)
";

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let command = if arguments.is_empty() {
        String::new()
    } else {
        arguments.remove(0)
    };
    match run(&command, &arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            shell::complain(&format!("xtask {command}: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs one command. `false`: it ran and found something wrong, which it has said.
fn run(command: &str, arguments: &[String]) -> anyhow::Result<bool> {
    let root = shell::repository_root()?;
    match command {
        "tidy" => tidy::run(&root),
        "licences" => tidy::licences::run(&root),
        "docs" => docs::run(
            &root,
            arguments.iter().any(|argument| argument == "--check"),
        ),
        "mutants" => mutants::run(&root, arguments),
        "bench" => bench::run(&root, arguments).context("the benchmark did not finish"),
        "" | "help" | "--help" | "-h" => {
            shell::say(USAGE);
            Ok(true)
        }
        other => {
            shell::complain(&format!("no command `{other}`\n\n{USAGE}"));
            Ok(false)
        }
    }
}
