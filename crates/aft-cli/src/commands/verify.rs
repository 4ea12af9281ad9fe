//! `aft verify`: run the checks of a state, and what they said before.

use std::io::{IsTerminal, Write as _};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use aft_rpc::ExitKind;
use aft_rpc::Paths;
use aft_rpc::client::Client;
use aft_rpc::types::hello::{HelloParams, Role};
use aft_rpc::types::verify::{
    RunView, VerdictStatus, VerifyCancelParams, VerifyListParams, VerifyRunParams, VerifyRunResult,
    VerifySuggestParams,
};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::context::{Context, point, read};
use crate::failure::Outcome;
use crate::paged::whole;
use crate::render::text::shown;
use crate::render::time::Now;
use crate::render::verify::{cancelled, list, shown_lines, verdicts};

/// How long one answer is waited for before it is looked how far the run is.
const LOOK_MS: u64 = 250;

/// Run the checks of the configuration on one exact state
///
/// In a scratch copy, unless a check says `where = "workspace"`; the workspace is not touched. All checks without NAME. A
/// check that has said something about the same state is not run again without --again; a failing test is run once more before
/// it counts. What ignore rules keep out of the history is not in the copy. On a terminal the lines that a check prints are shown as
/// they come. Ctrl-C ends the run.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  aft verify\n  aft verify tests --at 10m\n  aft verify --list -n 5\n  aft verify --suggest >> .afterimage.toml\n  aft rollback good\n\nExit codes: 0 all passed, 1 some failed or broke, 4 no such check, 6 a command has not been approved"
)]
pub(crate) struct VerifyArgs {
    /// Checks; all without it
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// The state; the present one without it
    #[arg(long, value_name = "POINT")]
    at: Option<String>,
    /// Run also what has been said of this state before
    #[arg(long)]
    again: bool,
    /// End what is running
    #[arg(long, conflicts_with_all = ["names", "at", "again"])]
    cancel: bool,
    /// Show what checks said, newest first, and run none
    #[arg(long, conflicts_with_all = ["again", "cancel"])]
    list: bool,
    /// Propose checks for this kind of project, to be copied into .afterimage.toml, and run none
    #[arg(long, conflicts_with_all = ["names", "at", "again", "cancel", "list"])]
    suggest: bool,
    /// With --list: at most that many
    #[arg(short = 'n', value_name = "N", requires = "list")]
    limit: Option<u64>,
}

pub(crate) fn run(args: VerifyArgs, context: &mut Context) -> Outcome {
    if args.cancel {
        let params = VerifyCancelParams {
            workspace: context.workspace()?,
            run: None,
        };
        if let Some(result) = context.call_or_print(&params)? {
            context.print(&cancelled(&result))?;
        }
        return Ok(ExitKind::Done);
    }
    if args.list {
        return show(&args, context);
    }
    if args.suggest {
        return suggest(context);
    }
    let result = wait(&args, context)?;
    if context.json {
        context.print_json(&result)?;
    } else {
        let text = verdicts(&result, context.out.style());
        context.print(&text)?;
    }
    Ok(exit(&result))
}

fn exit(result: &VerifyRunResult) -> ExitKind {
    let is_good = |status: VerdictStatus| status == VerdictStatus::Passed;
    if result.verdicts.iter().any(|verdict| verdict.untrusted) {
        ExitKind::Forbidden
    } else if result.verdicts.iter().all(|one| is_good(one.status)) {
        ExitKind::Done
    } else {
        ExitKind::Failed
    }
}

/// Runs them, and shows on a terminal which one is under way.
fn wait(
    args: &VerifyArgs,
    context: &mut Context,
) -> Result<VerifyRunResult, crate::failure::Failure> {
    let params = VerifyRunParams {
        workspace: context.workspace()?,
        names: (!args.names.is_empty()).then(|| args.names.clone()),
        at: args.at.as_deref().map(point),
        wait_ms: None,
        again: args.again,
    };
    let bar = Bar::start(context);
    let result = context.call_raw(&params);
    let read = result.and_then(|raw| read::<VerifyRunResult>(&raw));
    if let Some(bar) = bar {
        bar.end(read.as_ref().ok().map(|result| result.run));
    }
    read
}

/// Tells on a terminal's standard error what runs and what it prints, on a connection of its own.
struct Bar {
    stop: Option<std::sync::mpsc::Sender<u64>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Bar {
    fn start(context: &mut Context) -> Option<Self> {
        if context.json || !std::io::stderr().is_terminal() {
            return None;
        }
        let params = VerifyListParams {
            workspace: context.workspace().ok()?,
            name: None,
            at: None,
            limit: Some(1),
            cursor: None,
            run: None,
        };
        let paths = context.paths.clone();
        let (stop, stopped) = std::sync::mpsc::channel();
        let follow = move || follow(&paths, params, &stopped);
        let thread = std::thread::Builder::new().spawn(follow).ok()?;
        Some(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

/// Until it is told which run has ended; what that printed since the last look is shown then, too.
fn follow(paths: &Paths, params: VerifyListParams, stopped: &Receiver<u64>) {
    let bar = ProgressBar::no_length();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
        bar.set_style(style);
    }
    let hello = HelloParams {
        client: Some("aft".to_owned()),
        version: None,
        build: None,
    };
    // What a check prints is shown there only.
    let Ok(mut client) = Client::connect_as(paths, Role::Control, hello) else {
        return;
    };
    let mut told = (0, 0);
    loop {
        let ended = match stopped.recv_timeout(Duration::from_millis(LOOK_MS)) {
            Err(RecvTimeoutError::Timeout) => None,
            Ok(run) => Some(run),
            Err(RecvTimeoutError::Disconnected) => break,
        };
        let look = VerifyListParams {
            run: ended,
            ..params.clone()
        };
        let Ok(list) = client.call(&look) else {
            break;
        };
        for line in new_lines(list.running.as_ref(), &mut told) {
            // A terminal that cannot move its cursor shows no bar, but lines.
            bar.suspend(|| drop(writeln!(std::io::stderr(), "{}", shown(line))));
        }
        if ended.is_some() {
            break;
        }
        let check = list.running.and_then(|run| run.check);
        bar.set_message(check.map_or("preparing".to_owned(), |name| format!("running {name}")));
        bar.tick();
    }
    bar.finish_and_clear();
}

/// What was printed since it was looked last: `told` is the run and how many of its lines were shown.
fn new_lines<'a>(running: Option<&'a RunView>, told: &mut (u64, u64)) -> &'a [String] {
    let Some(run) = running else { return &[] };
    if told.0 != run.run {
        *told = (run.run, 0);
    }
    let new = run.n_lines.saturating_sub(told.1);
    told.1 = run.n_lines;
    let new = usize::try_from(new).unwrap_or(usize::MAX);
    let first = run.lines.len().saturating_sub(new);
    run.lines.get(first..).unwrap_or_default()
}

impl Bar {
    /// The run has ended, and this was its number.
    fn end(self, run: Option<u64>) {
        if let (Some(stop), Some(run)) = (&self.stop, run) {
            // Where nobody listens any more, there is no terminal to show it on.
            let _told = stop.send(run);
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn suggest(context: &mut Context) -> Outcome {
    let params = VerifySuggestParams {
        workspace: context.workspace()?,
    };
    if let Some(result) = context.call_or_print(&params)? {
        let text = match result.names.is_empty() {
            true => "Nothing is known of this kind of project.\n".to_owned(),
            false => shown_lines(&result.toml),
        };
        context.print(&text)?;
    }
    Ok(ExitKind::Done)
}

fn show(args: &VerifyArgs, context: &mut Context) -> Outcome {
    let params = VerifyListParams {
        workspace: context.workspace()?,
        name: args.names.first().cloned(),
        at: args.at.as_deref().map(point),
        limit: args.limit,
        cursor: None,
        run: None,
    };
    let Some(all) = whole(params, context)? else {
        return Ok(ExitKind::Done);
    };
    let text = list(&all, &Now::read(), context.out.style());
    context.print(&text)?;
    Ok(ExitKind::Done)
}

#[cfg(test)]
mod tests {
    //! Lines are shown once, also where some were gone before they were looked at.

    use super::*;

    #[test]
    fn each_line_is_shown_once() {
        let run = |run, n_lines, lines: &[&str]| RunView {
            run,
            check: None,
            operation: None,
            n_lines,
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        };
        let mut told = (0, 0);
        assert_eq!(
            new_lines(Some(&run(1, 2, &["a", "b"])), &mut told),
            ["a", "b"]
        );
        assert!(new_lines(Some(&run(1, 2, &["a", "b"])), &mut told).is_empty());
        assert_eq!(
            new_lines(Some(&run(1, 3, &["a", "b", "c"])), &mut told),
            ["c"]
        );
        assert_eq!(
            new_lines(Some(&run(1, 9, &["h", "i"])), &mut told),
            ["h", "i"]
        );
        assert_eq!(new_lines(Some(&run(2, 1, &["a"])), &mut told), ["a"]);
        assert!(new_lines(None, &mut told).is_empty());
    }
}
