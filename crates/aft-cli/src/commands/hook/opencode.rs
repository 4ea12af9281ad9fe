//! OpenCode: it has no hooks that run a command; the plugin that `aft integrate opencode` writes calls this with a form
//! of its own and puts `message` into the answer of the tool.

use serde_json::json;

use super::agents::{Call, What};
use super::payload::Payload;

pub(super) const NAME: &str = "opencode";

/// Tools that write no files. What is not known here is bracketed.
const READ_ONLY: [&str; 12] = [
    "read",
    "glob",
    "grep",
    "list",
    "webfetch",
    "websearch",
    "codesearch",
    "todoread",
    "todowrite",
    "task",
    "skill",
    "question",
];

pub(super) fn understand(payload: &Payload<'_>) -> Result<Option<Call>, String> {
    let event = payload.event();
    let tool = payload.tool_name.clone();
    let what = match event {
        "session.start" => What::SessionStart,
        "session.end" => What::SessionEnd,
        "turn.start" => What::TurnStart {
            prompt: payload.prompt_id.clone(),
        },
        "turn.end" => What::TurnEnd,
        _ if tool.as_deref().is_none_or(writes_nothing) => return Ok(None),
        "tool.before" => What::Begin {
            tool,
            id: payload.tool_use_id.clone(),
            paths: payload.file().into_iter().collect(),
            command: payload.command(),
        },
        "tool.after" => What::End {
            tool,
            id: payload.tool_use_id.clone(),
            success: true,
        },
        _ => return Ok(None),
    };
    Call::new(NAME, payload, what, event == "tool.after").map(Some)
}

fn writes_nothing(tool: &str) -> bool {
    READ_ONLY.contains(&tool) || tool.starts_with("afterimage_")
}

pub(super) fn say(_event: &str, news: Option<&str>) -> String {
    match news {
        None => "{}".to_owned(),
        Some(news) => json!({ "message": news }).to_string(),
    }
}
