//! `aft completions` and `aft man`: files made from the command line's own definition.

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use aft_rpc::ExitKind;
use clap::Args;
use clap_complete::Shell;

use crate::context::Context;
use crate::failure::{Failure, Outcome};

/// Write a completion script to standard output
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  aft completions bash > ~/.local/share/bash-completion/completions/aft"
)]
pub(crate) struct CompletionsArgs {
    /// For which shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Write the manual pages into a directory
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  aft man ~/.local/share/man/man1")]
pub(crate) struct ManArgs {
    /// Made if it is missing
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

pub(crate) fn completions(args: &CompletionsArgs, context: &mut Context) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut crate::command(), "aft", &mut script);
    context.print(&String::from_utf8_lossy(&script))?;
    Ok(ExitKind::Done)
}

pub(crate) fn man(args: &ManArgs, context: &mut Context) -> Outcome {
    let dir = context.place.directory(&args.dir)?;
    std::fs::DirBuilder::new()
        .recursive(true)
        .create(&dir)
        .map_err(|error| Failure::io(format!("cannot make `{}`", dir.display()), &error))?;
    clap_mangen::generate_to(crate::command(), &dir)
        .map_err(|error| Failure::io(format!("cannot write into `{}`", dir.display()), &error))?;
    Ok(ExitKind::Done)
}
