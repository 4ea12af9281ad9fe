//! `aft daemon`: the service itself.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use aft_os::process::{Process, SystemProcess};
use aft_rpc::ExitKind;
use aft_rpc::client::Client;
use aft_rpc::types::daemon::{
    DaemonLogsParams, DaemonStatusParams, DaemonStopParams, DaemonStopResult,
};
use aft_rpc::types::hello::Role;
use clap::{Args, Subcommand};

use crate::context::{Context, read};
use crate::daemon_start::{last_lines, pause_for};
use crate::failure::{Failure, Outcome};
use crate::render::daemon::status as status_text;
use crate::render::text::shown;

/// How long a daemon may take to save everything and end.
const STOP_MAX: Duration = Duration::from_secs(30);

/// Run, start, stop or look at the daemon
///
/// Commands start one by themselves when they need it.
#[derive(Args, Debug)]
#[command(
    disable_help_subcommand = true,
    after_help = "Example:\n  aft daemon status\n\nExit codes: 0 done, 7 no daemon runs"
)]
pub(crate) struct DaemonArgs {
    #[command(subcommand)]
    command: DaemonCommand,
}

#[derive(Debug, Subcommand)]
enum DaemonCommand {
    /// Run the daemon in this process; what a service manager starts
    #[command(
        after_help = "Example:\n  aft daemon run\n\nExit codes: 0 it was stopped, 1 it could not start, 8 the store is damaged"
    )]
    Run,
    /// Start a daemon if none runs
    #[command(
        after_help = "Example:\n  aft daemon start\n\nExit codes: 0 it runs, 7 it could not be started"
    )]
    Start,
    /// Save everything and end the daemon
    #[command(
        after_help = "Example:\n  aft daemon stop\n\nExit codes: 0 it ended, 7 no daemon runs"
    )]
    Stop,
    /// Show process, version, uptime and memory
    #[command(
        after_help = "Example:\n  aft daemon status --json\n\nExit codes: 0 it runs, 7 no daemon runs"
    )]
    Status,
    /// Show the end of the daemon's log, whether it runs or not
    #[command(
        after_help = "Example:\n  aft daemon logs -n 200\n\nExit codes: 0 done, 4 there is no log"
    )]
    Logs {
        /// That many lines
        #[arg(short = 'n', long, value_name = "N", default_value_t = 100)]
        lines: u64,
    },
}

pub(crate) fn run(args: &DaemonArgs, context: &mut Context) -> Outcome {
    match args.command {
        DaemonCommand::Run => run_here(context),
        DaemonCommand::Start => status(context),
        DaemonCommand::Stop => {
            context.never_start();
            stop(context)
        }
        DaemonCommand::Status => {
            context.never_start();
            status(context)
        }
        DaemonCommand::Logs { lines } => {
            context.never_start();
            logs(lines, context)
        }
    }
}

fn status(context: &mut Context) -> Outcome {
    if let Some(result) = context.call_or_print(&DaemonStatusParams {})? {
        context.print(&status_text(&result))?;
    }
    Ok(ExitKind::Done)
}

/// Asks it to end, and waits until its process is gone, so that the next command finds none.
fn stop(context: &mut Context) -> Outcome {
    let raw = context.call_raw(&DaemonStopParams {})?;
    let result: DaemonStopResult = read(&raw)?;
    context.disconnect();
    let (mut waited, mut pause) = (Duration::ZERO, Duration::from_millis(1));
    while SystemProcess.is_alive(result.pid) || answers(context) {
        if waited >= STOP_MAX {
            return Err(Failure::new(
                ExitKind::Failed,
                format!(
                    "the daemon (process {}) has not ended after {} s",
                    result.pid,
                    STOP_MAX.as_secs()
                ),
            )
            .with_remedy("`aft daemon logs` tells what it is doing."));
        }
        pause_for(pause);
        waited += pause;
        pause = (pause * 2).min(Duration::from_millis(50));
    }
    if context.json {
        context.print_raw(&raw)?;
    } else {
        context.print(&format!(
            "The daemon (process {}) ended; everything is saved.\n",
            result.pid
        ))?;
    }
    Ok(ExitKind::Done)
}

fn answers(context: &Context) -> bool {
    context
        .paths
        .socket(Role::Control)
        .is_ok_and(|socket| Client::connect(&socket).is_ok())
}

/// From the daemon, else from its files: the log is wanted most when it does not run.
fn logs(lines: u64, context: &mut Context) -> Outcome {
    match context.call_or_print(&DaemonLogsParams { lines: Some(lines) }) {
        Ok(Some(result)) => {
            let text: String = result
                .lines
                .iter()
                .map(|line| format!("{}\n", shown(line)))
                .collect();
            context.print(&text)?;
            return Ok(ExitKind::Done);
        }
        Ok(None) => return Ok(ExitKind::Done),
        Err(failure) if failure.exit() != ExitKind::NoDaemon => return Err(failure),
        Err(_) => {}
    }
    let dir = context.paths.log_dir();
    let Some(file) = newest_file(&dir) else {
        return Err(Failure::new(
            ExitKind::NotFound,
            format!("there is no log in `{}`", dir.display()),
        )
        .with_remedy("No daemon has run with this store."));
    };
    let lines = last_lines(&file, usize::try_from(lines).unwrap_or(usize::MAX));
    if context.json {
        let result = aft_rpc::types::daemon::DaemonLogsResult {
            file: file.as_path().into(),
            lines,
        };
        context.print_json(&result)?;
    } else {
        let text: String = lines
            .iter()
            .map(|line| format!("{}\n", shown(line)))
            .collect();
        context.print(&text)?;
    }
    Ok(ExitKind::Done)
}

/// The file of `dir` that was written last and is not empty.
fn newest_file(dir: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(dir).ok()?.filter_map(Result::ok);
    let files = entries.filter_map(|entry| {
        let meta = entry.metadata().ok()?;
        (meta.is_file() && meta.len() > 0).then_some((meta.modified().ok()?, entry.path()))
    });
    files.max().map(|(_, path)| path)
}

fn run_here(context: &Context) -> Outcome {
    super::watch::run_daemon(context, false)
}
