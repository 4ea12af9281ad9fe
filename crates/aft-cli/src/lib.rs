//! The `aft` command: arguments to calls, results to text, errors to exit codes.
//!
//! Does: parse the command line, start the daemon where none runs, make calls over the control socket,
//! render results.
//! Does not: know how the daemon keeps its history, or hold state of its own. A renderer is a pure
//! function of a result; a command makes calls and hands the results to renderers.
//!
//! Start reading at [`main_impl`], then `args`, then any file of `commands`.
//!
//! I1 Nothing is built before it is needed: the start of a command is part of every figure.
//! I2 With `--json`, standard output is the method's result and nothing else.
//! I3 What comes from a file name or a daemon's sentence never reaches a terminal with control characters.

mod args;
mod color;
mod commands;
mod connection;
mod context;
mod daemon_start;
mod failure;
#[cfg(test)]
mod fake_daemon;
mod output;
mod paged;
mod pager;
mod place;
mod progress;
mod render;

use std::io::Write;
use std::process::ExitCode;

use aft_os::process::contained;
use aft_rpc::ExitKind;
use args::Cli;
use context::Context;
use failure::Failure;

/// Runs the command line of this process.
#[must_use]
pub fn main_impl() -> ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    if args
        .get(1)
        .is_some_and(|word| word == contained::SUPERVISOR)
    {
        return contained::supervise();
    }
    // What an agent waits for, twice a tool call.
    if let Some(exit) = commands::hook::run_quickly(&args) {
        return exit;
    }
    let exit = match Cli::read(&args) {
        Ok(cli) => run(cli),
        // The code for a usage error is to an agent the word for "do not run this tool".
        Err(error) if args.get(1).is_some_and(|word| word == "hook") => {
            usage(&error);
            ExitKind::Done.code()
        }
        Err(error) => usage(&error).code(),
    };
    ExitCode::from(exit)
}

/// The command line's definition, for documentation that is generated from it.
#[must_use]
pub fn command() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}

fn run(cli: Cli) -> u8 {
    let json = cli.global.json;
    let result = Context::from_env(cli.global).and_then(|mut context| {
        let exit = commands::run(cli.command, &mut context)?;
        context.out.finish()?;
        Ok(context.exit_code(exit))
    });
    match result {
        Ok(exit) => exit,
        Err(failure) => report(&failure, json).code(),
    }
}

/// Tells a failure: a sentence on standard error and, with `--json`, a document on standard output.
fn report(failure: &Failure, json: bool) -> ExitKind {
    if failure.is_broken_pipe() {
        // The reader has seen enough, as in `aft log | head`.
        return ExitKind::Done;
    }
    // Where even standard error is closed, the exit code is all that is left to tell.
    let _told = std::io::stderr()
        .lock()
        .write_all(failure.text().as_bytes());
    if json {
        let _told = std::io::stdout()
            .lock()
            .write_all(failure.json().as_bytes());
    }
    failure.exit()
}

/// Help and version are no errors; everything else of clap's is a usage error.
fn usage(error: &clap::Error) -> ExitKind {
    if !error.use_stderr() {
        return match error.print() {
            Ok(()) => ExitKind::Done,
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitKind::Done,
            Err(_) => ExitKind::Failed,
        };
    }
    let text = error.render().to_string();
    let sentence = text.strip_prefix("error: ").unwrap_or(&text);
    let _told = write!(std::io::stderr().lock(), "aft: {sentence}");
    ExitKind::Usage
}
