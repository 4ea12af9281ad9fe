//! `aft watch`: tracking a directory, and seeing what happens in it.

#[cfg(test)]
mod tests;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aft_rpc::types::history::{HistoryPollParams, HistoryPollResult};
use aft_rpc::types::operation::{DiffDetail, Kind, OperationShowParams, OperationView};
use aft_rpc::types::workspace::{
    WorkspaceAddParams, WorkspaceAddResult, WorkspaceState, WorkspaceStatusParams,
    WorkspaceStatusResult,
};
use aft_rpc::{ExitKind, WirePath, WirePoint};
use clap::Args;

use crate::context::{Context, read};
use crate::daemon_start::pause_for;
use crate::failure::{Failure, Outcome};
use crate::progress::ScanProgress;
use crate::render::text::path;
use crate::render::time::Now;
use crate::render::{operation, status};

/// How long the daemon holds back an answer that nothing happened.
const POLL_WAIT_MS: u64 = 30_000;
/// How often the progress of the first scan is drawn.
const PROGRESS_WAIT_MS: u64 = 100;

/// How long a daemon that makes room may take until the next one answers.
const SUCCESSOR_MAX: Duration = Duration::from_secs(3);
const SUCCESSOR_PAUSE: Duration = Duration::from_millis(20);

/// Track a directory and print every change as it happens
///
/// Starts the daemon if none runs, waits until the first scan is stored, then prints each operation with
/// its unified diff. Ctrl-C stops the printing, not the tracking. Nothing is written into the directory.
/// The history of a project that was moved here is taken over.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  aft watch\n  aft watch ~/project --detach\n\nExit codes: 0 done, 1 it cannot be tracked, 4 not a directory, 6 too much without --force, or no permission, 7 the daemon could not be started"
)]
pub(crate) struct WatchArgs {
    /// The directory [default: the current one]
    dir: Option<PathBuf>,
    /// Return once everything is tracked
    #[arg(long, conflicts_with = "foreground")]
    detach: bool,
    /// Run the daemon in this process; Ctrl-C ends both
    #[arg(long)]
    foreground: bool,
    /// Also track `/`, the home directory, or one that holds the store, which is left out
    #[arg(long)]
    force: bool,
    /// A name for people
    #[arg(long)]
    name: Option<String>,
}

/// The directory a command is about: its argument, `-w`, or the current one.
pub(super) fn directory(dir: Option<&PathBuf>, context: &mut Context) -> Result<WirePath, Failure> {
    match dir {
        Some(dir) => Ok(WirePath::from(context.place.directory(dir)?.as_path())),
        None => context.workspace(),
    }
}

pub(crate) fn watch(args: &WatchArgs, context: &mut Context) -> Outcome {
    if args.foreground {
        return in_foreground(args, context);
    }
    let status = begin(args, context)?;
    if args.detach {
        return Ok(ExitKind::Done);
    }
    stop_printing_on_interrupt()?;
    context.note("Ctrl-C stops the printing, not the tracking.");
    follow(
        &WirePath::from(status.workspace.as_str()),
        status.head,
        &AtomicBool::new(false),
        context,
    )
}

/// Adds the workspace and waits until it is armed.
fn begin(args: &WatchArgs, context: &mut Context) -> Result<WorkspaceStatusResult, Failure> {
    let root = directory(args.dir.as_ref(), context)?;
    let added: WorkspaceAddResult = context.call(&WorkspaceAddParams {
        root,
        name: args.name.clone(),
        force: args.force,
    })?;
    if let Some(from) = &added.moved_from {
        context.note(&format!("Took over the history of {}.", path(from)));
    }
    for note in &added.notes {
        context.note(note);
    }
    let status = wait_until_armed(
        &WirePath::from(added.workspace.as_str()),
        args.detach,
        context,
    )?;
    if !context.json {
        let style = context.out.style();
        let line = format!(
            "Watching {} ({}, at #{}).\n",
            path(&status.root),
            status::state(status.state, style),
            status.head
        );
        context.print(&line)?;
        context.out.flush()?;
    }
    for reason in &status.reasons {
        context.note(&reason.message);
    }
    if status.state == WorkspaceState::Detached {
        return Err(Failure::new(
            ExitKind::Failed,
            format!("{} is detached", path(&status.root)),
        )
        .with_remedy(
            "Its root moved, was unmounted or replaced; `aft watch NEW` takes its history over.",
        ));
    }
    Ok(status)
}

/// Asks until the first scan is stored, with a bar on a terminal. With `--json` and `print` the last
/// answer is the command's result.
fn wait_until_armed(
    workspace: &WirePath,
    print: bool,
    context: &mut Context,
) -> Result<WorkspaceStatusResult, Failure> {
    let mut bar = ScanProgress::new(!context.json);
    let params = WorkspaceStatusParams {
        workspace: workspace.clone(),
        wait_ms: Some(PROGRESS_WAIT_MS),
    };
    loop {
        let raw = context.call_raw(&params)?;
        let status: WorkspaceStatusResult = read(&raw)?;
        if status.state != WorkspaceState::Arming {
            bar.finish();
            if context.json && print {
                context.print_raw(&raw)?;
            }
            return Ok(status);
        }
        bar.show(status.progress.as_ref());
        // The daemon holds the answer back; one that does not must not be asked in a busy loop.
        pause_for(Duration::from_millis(1));
    }
}

/// Prints operations as they are recorded, until the process is ended or `is_over`.
fn follow(workspace: &WirePath, head: u64, is_over: &AtomicBool, context: &mut Context) -> Outcome {
    let mut last = head;
    let mut params = HistoryPollParams {
        workspace: workspace.clone(),
        clock: None,
        wait_ms: None,
        limit: None,
    };
    loop {
        // The connection may be a new one, so that the daemon's memory of it is never needed.
        let result: HistoryPollResult = match context.call(&params) {
            Ok(result) => result,
            Err(failure) if failure.is_hangup() => {
                wait_for_successor(is_over, context)?;
                params.wait_ms = None;
                continue;
            }
            Err(failure) => return Err(failure),
        };
        for operation in result
            .operations
            .iter()
            .filter(|operation| operation.operation > last)
        {
            print_operation(workspace, operation, context)?;
            context.out.flush()?;
        }
        last = result
            .operations
            .iter()
            .map(|operation| operation.operation)
            .fold(last, u64::max);
        params.clock = Some(result.clock);
        params.wait_ms = Some(POLL_WAIT_MS);
    }
}

/// Waits for the daemon that follows one which made room. One that was stopped is not started again:
/// whoever stopped it meant it.
fn wait_for_successor(is_over: &AtomicBool, context: &mut Context) -> Result<(), Failure> {
    context.disconnect();
    context.never_start();
    let mut waited = Duration::ZERO;
    while context.client().is_err() {
        if waited >= SUCCESSOR_MAX || is_over.load(Ordering::Acquire) {
            return Err(Failure::new(
                ExitKind::NoDaemon,
                "the daemon ended, and with it the tracking",
            )
            .with_remedy("`aft watch` starts both again; what changes meanwhile is found then."));
        }
        pause_for(SUCCESSOR_PAUSE);
        waited += SUCCESSOR_PAUSE;
    }
    Ok(())
}

/// An operation with its diff; a baseline, which is the whole tree, by its head only.
fn print_operation(
    workspace: &WirePath,
    operation: &OperationView,
    context: &mut Context,
) -> Result<(), Failure> {
    let mut params = OperationShowParams {
        workspace: workspace.clone(),
        operation: WirePoint::from(operation.operation),
        diff: DiffDetail::Unified,
        paths: None,
        limit: None,
        cursor: None,
    };
    if context.json {
        let raw = context.call_raw(&params)?;
        return context.print_raw(&raw);
    }
    if operation.kind == Kind::Baseline {
        let head = operation::head(operation, None, &Now::read(), context.out.style());
        return context.print(&head);
    }
    super::diff::print_operation(&mut params, context)?;
    context.print("\n")
}

/// From now on Ctrl-C is the way to end the command, and not a failure.
fn stop_printing_on_interrupt() -> Result<(), Failure> {
    let always = Arc::new(AtomicBool::new(true));
    signal_hook::flag::register_conditional_shutdown(signal_hook::consts::SIGINT, 0, always)
        .map(drop)
        .map_err(|error| Failure::io("cannot handle Ctrl-C", &error))
}

/// Runs the daemon in this process.
pub(crate) fn run_daemon(context: &Context, foreground: bool) -> Outcome {
    let foreground = foreground || std::io::stderr().is_terminal();
    let options = aft_daemon::RunOptions {
        paths: context.paths.clone(),
        foreground,
    };
    aft_daemon::run(options)
        .map(|()| ExitKind::Done)
        .map_err(|error| {
            let mut message = error.to_string();
            let mut source = std::error::Error::source(&error);
            while let Some(error) = source {
                message.push_str(&format!(": {error}"));
                source = error.source();
            }
            Failure::new(ExitKind::Failed, message)
        })
}

/// The daemon on this thread, the printing on another; whichever ends first ends both.
fn in_foreground(args: &WatchArgs, context: &mut Context) -> Outcome {
    let ended = AtomicBool::new(false);
    let daemon = Context::new(
        context.json,
        context.paths.clone(),
        crate::output::Output::stdout(crate::color::ColorChoice::Never),
        crate::place::Place::new(None),
    );
    context.never_start();
    std::thread::scope(|scope| {
        let printing = scope.spawn(|| {
            let result = begin_when_up(args, &ended, context);
            if !ended.load(Ordering::Acquire) {
                // Whatever it was, without printing there is nothing to stay for.
                context.disconnect();
                drop(context.call(&aft_rpc::types::daemon::DaemonStopParams {}));
            }
            result
        });
        let outcome = run_daemon(&daemon, true);
        ended.store(true, Ordering::Release);
        let printed = printing.join();
        match (outcome, printed) {
            (Err(failure), _) => Err(failure),
            (Ok(_), Ok(Err(failure)))
                if !failure.is_hangup() && failure.exit() != ExitKind::NoDaemon =>
            {
                Err(failure)
            }
            (Ok(exit), _) => Ok(exit),
        }
    })
}

/// Waits until the daemon of this process answers, then tracks and prints.
fn begin_when_up(args: &WatchArgs, ended: &AtomicBool, context: &mut Context) -> Outcome {
    loop {
        match context.client() {
            Ok(_) => break,
            Err(failure) if ended.load(Ordering::Acquire) => return Err(failure),
            Err(_) => pause_for(Duration::from_millis(5)),
        }
    }
    let status = begin(args, context)?;
    let workspace = WirePath::from(status.workspace.as_str());
    follow(&workspace, status.head, ended, context)
}
