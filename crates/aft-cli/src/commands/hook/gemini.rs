//! Gemini CLI: `hooks` in `settings.json`. Tool calls have no id there, so that one is made of tool and parameters.

use serde_json::json;

use super::agents::{Call, What};
use super::payload::Payload;

pub(super) const NAME: &str = "gemini";

/// Tools that write no files. What is not known here is bracketed.
const READ_ONLY: [&str; 12] = [
    "read_file",
    "read_many_files",
    "list_directory",
    "glob",
    "grep_search",
    "search_file_content",
    "google_web_search",
    "web_fetch",
    "save_memory",
    "write_todos",
    "ask_user",
    "activate_skill",
];

pub(super) fn understand(payload: &Payload<'_>) -> Result<Option<Call>, String> {
    let event = payload.event();
    let tool = payload.tool_name.clone();
    let what = match event {
        "SessionStart" => What::SessionStart,
        "SessionEnd" => What::SessionEnd,
        "BeforeAgent" => What::TurnStart {
            prompt: payload.prompt_id.clone(),
        },
        "AfterAgent" => What::TurnEnd,
        _ if tool.as_deref().is_none_or(writes_nothing) => return Ok(None),
        "BeforeTool" => What::Begin {
            tool,
            id: Some(payload.id_of_call()),
            paths: payload.file().into_iter().collect(),
            command: payload.command(),
        },
        "AfterTool" => What::End {
            tool,
            id: Some(payload.id_of_call()),
            success: true,
        },
        _ => return Ok(None),
    };
    let tell = matches!(event, "BeforeAgent" | "AfterTool");
    Call::new(NAME, payload, what, tell).map(Some)
}

fn writes_nothing(tool: &str) -> bool {
    READ_ONLY.contains(&tool)
        || tool.starts_with("mcp_afterimage_")
        || tool.starts_with("mcp__afterimage__")
}

pub(super) fn say(event: &str, news: Option<&str>) -> String {
    match news {
        None => "{}".to_owned(),
        Some(news) => json!({
            "systemMessage": news,
            "hookSpecificOutput": { "hookEventName": event, "additionalContext": news },
        })
        .to_string(),
    }
}
