//! Cursor: `hooks.json`, events in camel case, a conversation instead of a session and roots instead of a directory.
//!
//! Hooks that may allow or deny something are answered with nothing, never with `allow`: that would go over the user's
//! own settings.

use serde_json::json;

use super::agents::{Call, What};
use super::payload::Payload;

pub(super) const NAME: &str = "cursor";

/// Tools that write no files. What is not known here is bracketed.
const READ_ONLY: [&str; 10] = [
    "Read",
    "Grep",
    "Glob",
    "LS",
    "SemanticSearch",
    "WebSearch",
    "WebFetch",
    "TodoWrite",
    "Task",
    "ReadLints",
];

pub(super) fn understand(payload: &Payload<'_>) -> Result<Option<Call>, String> {
    let event = payload.event();
    let tool = payload.tool_name.clone();
    let what = match event {
        "sessionStart" => What::SessionStart,
        "sessionEnd" => What::SessionEnd,
        "beforeSubmitPrompt" => What::TurnStart {
            prompt: payload.prompt_id.clone(),
        },
        "stop" => What::TurnEnd,
        _ if tool.as_deref().is_none_or(writes_nothing) => return Ok(None),
        "preToolUse" => What::Begin {
            tool,
            id: Some(payload.id_of_call()),
            paths: payload.file().into_iter().collect(),
            command: payload.command(),
        },
        "postToolUse" | "postToolUseFailure" => What::End {
            tool,
            id: Some(payload.id_of_call()),
            success: event == "postToolUse",
        },
        _ => return Ok(None),
    };
    Call::new(NAME, payload, what, event == "postToolUse").map(Some)
}

fn writes_nothing(tool: &str) -> bool {
    READ_ONLY.contains(&tool) || tool.starts_with("MCP:afterimage")
}

pub(super) fn say(event: &str, news: Option<&str>) -> String {
    match (event, news) {
        ("beforeSubmitPrompt", _) => json!({ "continue": true }).to_string(),
        ("postToolUse", Some(news)) => json!({ "additional_context": news }).to_string(),
        _ => "{}".to_owned(),
    }
}
