//! `aft hook`: what a coding agent runs before and after its tools, so that what it does is known to be its own.
//!
//! Does: read the agent's JSON, bracket sessions, turns and tool calls, tell the agent what others took back.
//! Does not: ever fail or hold up the agent. Whatever is wrong goes into a log that `aft doctor` reads, the answer is
//! the neutral one and the exit code 0. Nothing is kept between two calls: ids are made from the agent's own.
//!
//! It runs twice for every tool call, so that its start is the figure: it is served before the command line's definition
//! is built, with one connection and, as a rule, one request.

mod agents;
mod bracket;
mod claude_code;
mod codex;
mod cursor;
mod gemini;
mod line;
mod opencode;
mod payload;
mod stdin;
#[cfg(test)]
mod tests;
pub(crate) mod trouble;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use aft_rpc::{ExitKind, Paths};
use clap::Args;

pub(crate) use agents::Agent;
use payload::Payload;

/// How long an agent waits for us at most, unless its configuration says otherwise.
const BUDGET: Duration = Duration::from_millis(250);

/// Answer an agent's hook: mark sessions, turns and tool calls
///
/// Reads the agent's hook JSON on standard input and answers in the agent's own form. `aft integrate` writes the
/// configuration that calls it. It never fails the agent: without a daemon, outside a workspace and in any trouble the
/// answer is a neutral one, the exit code 0, and what went wrong is in `log/hook.log` of the store.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  aft integrate claude-code\n  echo '{\"hook_event_name\":\"Stop\",\"session_id\":\"s-1\",\"cwd\":\"'$PWD'\"}' | aft hook claude-code\n\nExit codes: always 0"
)]
pub(crate) struct HookArgs {
    /// claude-code, codex, gemini, cursor or opencode
    agent: String,
    /// Longest time the agent waits
    #[arg(long, value_name = "TIME", default_value = "250ms")]
    budget: String,
}

/// Serves `aft hook …` before anything else is built; `None` where something else was typed.
pub(crate) fn run_quickly(args: &[OsString]) -> Option<ExitCode> {
    let mut words = args.iter().skip(1).map(|word| word.to_str());
    if words.next()?? != "hook" {
        return None;
    }
    let words: Vec<&str> = words.collect::<Option<_>>()?;
    let (agent, budget) = match words.as_slice() {
        [agent] => (*agent, BUDGET),
        [agent, "--budget", budget] => (*agent, time(budget)?),
        _ => return None,
    };
    if agent.starts_with('-') {
        return None;
    }
    answer(agent, budget);
    Some(ExitCode::SUCCESS)
}

/// The same for a command line that was read as a whole.
pub(crate) fn run(args: &HookArgs) -> ExitKind {
    answer(&args.agent, time(&args.budget).unwrap_or(BUDGET));
    ExitKind::Done
}

fn answer(agent: &str, budget: Duration) {
    let until = line::monotonic() + budget;
    let Some(agent) = Agent::named(agent) else {
        let _told = writeln!(
            std::io::stderr().lock(),
            "aft: there is no agent `{agent}`; there are {}",
            Agent::names()
        );
        return;
    };
    let input = stdin::read();
    let said = serve(agent, &input, until);
    if !said.is_empty() {
        // An agent that does not listen misses nothing it needs.
        let _told = std::io::stdout().lock().write_all(said.as_bytes());
    }
}

/// From what the agent handed over to what it is answered.
fn serve(agent: Agent, input: &[u8], until: Duration) -> String {
    let payload = match Payload::read(input) {
        Ok(payload) => payload,
        Err(error) => {
            trouble::note(None, agent.name(), "?", &error);
            return agent.say("", None);
        }
    };
    let event = payload.event();
    let call = match agent.understand(&payload) {
        Ok(Some(call)) => call,
        Ok(None) => return agent.say(event, None),
        Err(missing) => {
            trouble::note(None, agent.name(), event, &missing);
            return agent.say(event, None);
        }
    };
    let paths = match Paths::from_env() {
        Ok(paths) => paths,
        // Without a home there is no place for a log either.
        Err(_) => return agent.say(event, None),
    };
    match bracket::carry_out(&call, &paths, until) {
        Ok(news) => agent.say(event, bracket::sentence(&news).as_deref()),
        Err(error) => {
            trouble::note(Some(&paths), agent.name(), event, &error);
            agent.say(event, None)
        }
    }
}

/// `250ms`, `1s`, or milliseconds.
fn time(text: &str) -> Option<Duration> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1),
        None => match text.strip_suffix('s') {
            Some(number) => (number, 1000),
            None => (text, 1),
        },
    };
    let number: u64 = number.trim().parse().ok()?;
    Some(Duration::from_millis(number.checked_mul(unit)?))
}
