//! Codex: `hooks.json`. Claude Code's form, with patches as envelopes and answers that allow no unknown field.
//!
//! It does not run the hook after a tool call that failed: what such a call left open is closed with the turn.

use std::path::PathBuf;

use serde::Deserialize;

use super::agents::{Call, What};
use super::claude_code;
use super::payload::Payload;

pub(super) const NAME: &str = "codex";

/// Lines of a patch's envelope that name a file.
const NAMES_A_FILE: [&str; 4] = [
    "*** Add File: ",
    "*** Update File: ",
    "*** Delete File: ",
    "*** Move to: ",
];

/// A patch, as the one parameter of its tool.
#[derive(Deserialize)]
struct Patch {
    #[serde(alias = "input", alias = "patch")]
    command: Text,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    One(String),
    Words(Vec<String>),
}

pub(super) fn understand(payload: &Payload<'_>) -> Result<Option<Call>, String> {
    let call = claude_code::understand_as(NAME, payload, &["PostToolUse", "UserPromptSubmit"])?;
    Ok(call.map(|mut call| {
        if payload.tool_name.as_deref() == Some("apply_patch") {
            let files = patched(payload);
            if let Some(first) = files.first() {
                call.place.clone_from(first);
            }
            if let What::Begin { paths, command, .. } = &mut call.what {
                *paths = files;
                // The patch itself.
                *command = None;
            }
        }
        call
    }))
}

/// The files a patch names, absolute.
fn patched(payload: &Payload<'_>) -> Vec<PathBuf> {
    let patch = payload
        .tool_input
        .and_then(|input| serde_json::from_str::<Patch>(input.get()).ok());
    let (Some(patch), Ok(directory)) = (patch, payload.directory()) else {
        return Vec::new();
    };
    let texts = match patch.command {
        Text::One(text) => vec![text],
        Text::Words(words) => words,
    };
    let lines = texts.iter().flat_map(|text| text.lines());
    lines
        .filter_map(|line| NAMES_A_FILE.iter().find_map(|sign| line.strip_prefix(sign)))
        .map(|path| directory.join(path.trim()))
        .collect()
}

pub(super) fn say(event: &str, news: Option<&str>) -> String {
    claude_code::say(event, news)
}
