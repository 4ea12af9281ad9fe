//! From a hook's call to requests: as a rule one. A session that the daemon does not know, because it was started anew
//! or the hooks were installed in the middle of a run, is begun and the request made again.
//!
//! Does not: know agents.

use aft_rpc::types::hello::Role;
use aft_rpc::types::session::{
    EditBeginParams, EditEndParams, SessionEndParams, SessionStartParams, TakenBack, TurnEndParams,
    TurnStartParams,
};
use aft_rpc::{Paths, WirePath};
use std::time::Duration;

use super::agents::{Call, What};
use super::line::{Line, LineError};
use crate::render::operation::numbers;

/// Carries a call out and returns what the agent is to be told.
pub(super) fn carry_out(
    call: &Call,
    paths: &Paths,
    until: Duration,
) -> Result<Vec<TakenBack>, String> {
    let socket = paths
        .socket(Role::Agent)
        .map_err(|error| error.to_string())?;
    let mut line = Line::connect(&socket, until).map_err(|error| error.to_string())?;
    let outcome = match ask(&mut line, call) {
        Err(error) if error.is_not_found() && opens_something(&call.what) => {
            begin_session(&mut line, call).and_then(|()| ask(&mut line, call))
        }
        other => other,
    };
    match outcome {
        Ok(news) => Ok(news),
        // Either the place is not watched, or what is to be ended is not there any more. Both are nobody's trouble.
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        Err(error) => Err(error.to_string()),
    }
}

fn opens_something(what: &What) -> bool {
    matches!(what, What::TurnStart { .. } | What::Begin { .. })
}

fn ask(line: &mut Line, call: &Call) -> Result<Vec<TakenBack>, LineError> {
    let workspace = WirePath::from(call.place.as_path());
    let session = call.session.clone();
    match &call.what {
        What::SessionStart => begin_session(line, call).map(|()| Vec::new()),
        What::SessionEnd => line
            .call(&SessionEndParams {
                workspace: Some(workspace),
                session,
            })
            .map(|_| Vec::new()),
        What::TurnStart { prompt } => line
            .call(&TurnStartParams {
                workspace: Some(workspace),
                session: Some(session),
                prompt_id: prompt.clone(),
                label: None,
                tell: call.tell,
            })
            .map(|turn| turn.taken_back),
        What::TurnEnd => line
            .call(&TurnEndParams {
                workspace: Some(workspace),
                session: Some(session),
                turn: None,
                no_wait: true,
            })
            .map(|_| Vec::new()),
        What::Begin {
            tool,
            id,
            paths,
            command,
        } => line
            .call(&EditBeginParams {
                session,
                workspace: Some(workspace),
                paths: claims(paths),
                tool: tool.clone(),
                tool_use_id: id.clone(),
                command: command.clone(),
                tell: call.tell,
            })
            .map(|edit| edit.taken_back),
        What::End { tool, id, success } => end(line, call, (tool, id, *success)),
    }
}

fn end(
    line: &mut Line,
    call: &Call,
    (tool, id, success): (&Option<String>, &Option<String>, bool),
) -> Result<Vec<TakenBack>, LineError> {
    let params = EditEndParams {
        edit: None,
        session: Some(call.session.clone()),
        workspace: Some(WirePath::from(call.place.as_path())),
        tool_use_id: id.clone(),
        paths: None,
        tool: tool.clone(),
        success: Some(success),
        tell: call.tell,
    };
    line.call(&params).map(|edit| edit.taken_back)
}

fn begin_session(line: &mut Line, call: &Call) -> Result<(), LineError> {
    let params = SessionStartParams {
        workspace: WirePath::from(call.place.as_path()),
        agent: call.agent.to_owned(),
        label: call.label.clone(),
        pid: process_of(call),
        parent: call.parent.clone(),
        metadata: None,
        attach: false,
        session: Some(call.session.clone()),
    };
    line.call(&params).map(|_| ())
}

/// Agents that live in an editor, which writes for them from other processes than the one that runs hooks.
const IN_AN_EDITOR: [&str; 1] = ["cursor"];
const SHELLS: [&[u8]; 6] = [b"sh", b"bash", b"dash", b"zsh", b"fish", b"busybox"];

/// The agent's process, so that what it and its children write is known to be its own where the kernel tells. A subagent has
/// none of its own.
fn process_of(call: &Call) -> Option<u32> {
    let has_own = call.parent.is_none() && !IN_AN_EDITOR.contains(&call.agent);
    has_own.then(|| aft_os::process::begun_by(&is_shell_for_hook))?
}

/// A shell that was begun only to run this.
fn is_shell_for_hook(arguments: &[&[u8]]) -> bool {
    let name = arguments
        .first()
        .and_then(|path| path.rsplit(|byte| *byte == b'/').next());
    let is_shell = name.is_some_and(|name| SHELLS.contains(&name.trim_ascii_start()));
    let has = |word: &[u8]| {
        arguments
            .iter()
            .any(|one| one.windows(word.len()).any(|at| at == word))
    };
    is_shell && has(b" hook ")
}

/// What a tool says it will write.
fn claims(paths: &[std::path::PathBuf]) -> Option<Vec<WirePath>> {
    let claimed: Vec<WirePath> = paths
        .iter()
        .map(|path| WirePath::from(path.as_path()))
        .collect();
    (!claimed.is_empty()).then_some(claimed)
}

/// What the agent is told.
pub(super) fn sentence(news: &[TakenBack]) -> Option<String> {
    if news.is_empty() {
        return None;
    }
    let mut text = String::from(
        "Afterimage: since you last looked, changes in this workspace were taken back, not by you:\n",
    );
    for way in news {
        let paths: Vec<String> = way
            .paths
            .iter()
            .map(|path| path.display().into_owned())
            .collect();
        let more = way.n_changes.saturating_sub(paths.len() as u64);
        let more = match more {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let what = match way.reverts.as_slice() {
            [] => String::new(),
            reverts => format!(" of operations {}", numbers(reverts)),
        };
        let why = match &way.note {
            Some(note) => format!(" ({note})"),
            None => String::new(),
        };
        text.push_str(&format!(
            "- operation {}: {}{what} by {}{why}: {}{more}\n",
            way.operation,
            way.kind.as_str(),
            way.author,
            paths.join(", ")
        ));
    }
    text.push_str("These files are not as you left them. Read them again before you edit them, and do not make the changes again unless you are asked to.");
    Some(text)
}
