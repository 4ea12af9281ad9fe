//! `aft bisect`: which operation broke a check.

use std::fmt::Write;
use std::io::IsTerminal;
use std::time::Duration;

use aft_rpc::ExitKind;
use aft_rpc::types::bisect::{BisectHunks, BisectSeen, VerifyBisectParams, VerifyBisectResult};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::context::{Context, point};
use crate::failure::{Failure, Outcome};
use crate::render::text::{count, path, shown};

/// Lines of a hunk that are shown.
const LINES_MAX: usize = 12;

/// Find the operation after which a check fails
///
/// Looks at states between a good one and a bad one in scratch copies, always in the middle of what is left, until one operation
/// remains: nine looks for five hundred operations. The workspace is not touched, and nothing is taken back; the answer names
/// the command that would take back just that operation. The exit code of a COMMAND means what it means to `git bisect run`: 0
/// is good, 125 passes the state over, 126 and 127 as well, other codes below 128 are bad, and from 128 on the search ends.
/// Ctrl-C ends it.
///
/// With --hunks the search goes on within the operation: states of it without some of its hunks, until those are left without
/// which the check does not fail. The command that is named then takes back just them.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  aft bisect tests\n  aft bisect tests --hunks\n  aft bisect --good 2h -- make check\n  aft bisect -- sh -c '! grep -q broken src/a.txt'\n\nExit codes: 0 found, 1 it could not be found, 4 no such check or point, 6 a command has not been approved"
)]
pub(crate) struct BisectArgs {
    /// A check of the configuration
    #[arg(
        value_name = "NAME",
        required_unless_present = "command",
        conflicts_with = "command"
    )]
    name: Option<String>,
    /// A state that is good [default: the last good one]
    #[arg(long, value_name = "POINT")]
    good: Option<String>,
    /// A later state that is bad [default: the present one]
    #[arg(long, value_name = "POINT")]
    bad: Option<String>,
    /// Pass a state over when COMMAND takes longer, in seconds [default: 60]
    #[arg(long, value_name = "SECONDS", requires = "command")]
    timeout: Option<u64>,
    /// Look at so many states at once [default: as suits the machine]
    #[arg(short = 'j', long, value_name = "N")]
    at_once: Option<u64>,
    /// Then look for the hunks of the operation that did it
    #[arg(long)]
    hunks: bool,
    /// What to run in each state
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

pub(crate) fn run(args: &BisectArgs, context: &mut Context) -> Outcome {
    let params = VerifyBisectParams {
        workspace: context.workspace()?,
        name: args.name.clone(),
        command: (!args.command.is_empty()).then(|| args.command.clone()),
        good: args.good.as_deref().map(point),
        bad: args.bad.as_deref().map(point),
        timeout_ms: args.timeout.map(|seconds| seconds.saturating_mul(1000)),
        at_once: args.at_once,
        hunks: args.hunks,
    };
    let spinner = spinner(context);
    let found = context.call_or_print(&params);
    if let Some(spinner) = spinner {
        spinner.finish_and_clear();
    }
    if let Some(found) = found? {
        context.print(&render(&found).map_err(|_| Failure::new(ExitKind::Failed, "no memory"))?)?;
    }
    Ok(ExitKind::Done)
}

fn spinner(context: &Context) -> Option<ProgressBar> {
    if context.json || !std::io::stderr().is_terminal() {
        return None;
    }
    let bar = ProgressBar::new_spinner();
    let style = ProgressStyle::with_template("{spinner} {msg} {elapsed}").ok()?;
    bar.set_style(style);
    bar.set_message("looking for what broke it");
    bar.enable_steady_tick(Duration::from_millis(100));
    Some(bar)
}

fn render(found: &VerifyBisectResult) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    for look in &found.looks {
        let seen = match look.seen {
            BisectSeen::Good => "good",
            BisectSeen::Bad => "bad",
            BisectSeen::PassedOver => "passed over",
        };
        let cost = match look.known {
            true => "known".to_owned(),
            false => format!("{:.0} ms", look.took_ms),
        };
        writeln!(
            text,
            "#{:<7} {seen:<11}  {} ({cost})",
            look.operation,
            shown(&look.reason)
        )?;
    }
    let operation = &found.operation;
    match found.suspects.as_slice() {
        [_] => writeln!(
            text,
            "\nIt broke with #{}, by {}.",
            operation.operation,
            shown(&operation.author)
        )?,
        suspects => {
            let numbers: Vec<String> = suspects.iter().map(|number| format!("#{number}")).collect();
            writeln!(
                text,
                "\nIt broke with one of {}; the states between could not be looked at.\nThe newest of them, by {}:",
                numbers.join(", "),
                shown(&operation.author)
            )?;
        }
    }
    if let Some(session) = &operation.session {
        writeln!(text, "    session {}", shown(session))?;
    }
    if let Some(tool) = &operation.tool {
        writeln!(text, "    by its tool {}", shown(tool))?;
    }
    for change in &operation.changes {
        let stat = change.stat.as_ref();
        let stat = stat.map_or(String::new(), |stat| {
            format!("  +{} -{}", stat.added, stat.removed)
        });
        writeln!(text, "    {}{stat}", path(&change.path))?;
    }
    let more = operation
        .n_changes
        .saturating_sub(operation.changes.len() as u64);
    if more > 0 {
        writeln!(text, "    and {more} more")?;
    }
    if let Some(hunks) = &found.hunks {
        text.push_str(&in_hunks(hunks)?);
    }
    writeln!(text, "Found with {}.", count(found.runs, "run", "runs"))?;
    if let Some(undo) = &found.undo {
        writeln!(
            text,
            "\n`{undo}` takes back just that and keeps what came later."
        )?;
    }
    Ok(text)
}

/// Which hunks did it, with their lines.
fn in_hunks(found: &BisectHunks) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    let n = count(found.hunks.len() as u64, "hunk", "hunks");
    match (found.all, found.least) {
        (true, _) => writeln!(text, "Every hunk of it is needed for that.")?,
        (false, true) => writeln!(text, "Without {n} of it, it does not fail:")?,
        (false, false) => writeln!(
            text,
            "Without {n} of it, it does not fail; not every state between could be looked at, so fewer may do:"
        )?,
    }
    if found.all {
        return Ok(text);
    }
    for change in &found.changes {
        for hunk in change.hunks.iter().flatten() {
            writeln!(text, "  {}  {}", path(&change.path), shown(&hunk.hunk))?;
            let lines = String::from_utf8_lossy(&hunk.text.0);
            for line in lines.lines().take(LINES_MAX) {
                writeln!(text, "    {}", shown(line))?;
            }
        }
    }
    Ok(text)
}
