//! Claude Code: `hooks` in `settings.json`.
//!
//! It reads JSON from standard output when the exit code is 0, and nothing is as good as neutral.

use serde_json::json;

use super::agents::{Call, What};
use super::payload::Payload;

pub(super) const NAME: &str = "claude-code";

/// Tools that write no files. What is not known here is bracketed.
const READ_ONLY: [&str; 26] = [
    "Read",
    "Glob",
    "Grep",
    "LS",
    "WebFetch",
    "WebSearch",
    "TodoRead",
    "TodoWrite",
    "Task",
    "Agent",
    "AskUserQuestion",
    "EnterPlanMode",
    "ExitPlanMode",
    "BashOutput",
    "KillBash",
    "KillShell",
    "Skill",
    "SlashCommand",
    "ToolSearch",
    "TaskCreate",
    "TaskGet",
    "TaskList",
    "TaskOutput",
    "TaskStop",
    "TaskUpdate",
    "ListMcpResourcesTool",
];

pub(super) fn understand(payload: &Payload<'_>) -> Result<Option<Call>, String> {
    understand_as(
        NAME,
        payload,
        &["PreToolUse", "PostToolUse", "UserPromptSubmit"],
    )
}

/// The same for agents that took over its form; news goes into the answers to `telling`.
pub(super) fn understand_as(
    agent: &'static str,
    payload: &Payload<'_>,
    telling: &[&str],
) -> Result<Option<Call>, String> {
    let event = payload.event();
    let tool = payload.tool_name.as_deref();
    let id = || payload.tool_use_id.clone();
    let what = match event {
        "SessionStart" | "SubagentStart" => What::SessionStart,
        "SessionEnd" | "SubagentStop" => What::SessionEnd,
        "UserPromptSubmit" => What::TurnStart {
            prompt: payload.prompt_id.clone(),
        },
        "Stop" | "StopFailure" => What::TurnEnd,
        _ if tool.is_none_or(writes_nothing) => return Ok(None),
        "PreToolUse" => What::Begin {
            tool: payload.tool_name.clone(),
            id: id(),
            paths: payload.file().into_iter().collect(),
            command: payload.command(),
        },
        "PostToolUse" | "PostToolUseFailure" => What::End {
            tool: payload.tool_name.clone(),
            id: id(),
            success: event == "PostToolUse",
        },
        _ => return Ok(None),
    };
    let is_subagent = payload.agent_id.as_ref().is_some_and(|id| !id.is_empty());
    if event.starts_with("Subagent") && !is_subagent {
        return Ok(None);
    }
    Call::new(agent, payload, what, telling.contains(&event)).map(Some)
}

/// Our own tools are operations of their own, and a bracket around them would hold nothing.
fn writes_nothing(tool: &str) -> bool {
    READ_ONLY.contains(&tool) || tool.starts_with("mcp__afterimage__")
}

pub(super) fn say(event: &str, news: Option<&str>) -> String {
    let Some(news) = news else {
        return String::new();
    };
    json!({ "hookSpecificOutput": { "hookEventName": event, "additionalContext": news } })
        .to_string()
}
