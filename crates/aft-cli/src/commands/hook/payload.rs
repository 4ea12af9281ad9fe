//! What an agent's hook hands over, as far as it is of use here. The agents' forms are close enough to each other that
//! one reading serves all; what a field means is said by each agent's own file.
//!
//! Does not: keep anything of prompts, contents or a tool's answer.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::value::RawValue;

/// The fields that are looked at. Everything else is skipped without being stored.
#[derive(Deserialize, Default)]
pub(super) struct Payload<'a> {
    #[serde(default, alias = "event")]
    hook_event_name: String,
    #[serde(default)]
    session_id: Option<String>,
    #[serde(default)]
    conversation_id: Option<String>,
    #[serde(default)]
    cwd: Option<String>,
    #[serde(default)]
    workspace_roots: Option<Vec<String>>,
    #[serde(default)]
    pub(super) tool_name: Option<String>,
    #[serde(default)]
    pub(super) tool_use_id: Option<String>,
    #[serde(default)]
    pub(super) agent_id: Option<String>,
    #[serde(default)]
    pub(super) agent_type: Option<String>,
    #[serde(default)]
    pub(super) parent_id: Option<String>,
    #[serde(default, alias = "turn_id", alias = "generation_id")]
    pub(super) prompt_id: Option<String>,
    #[serde(default, borrow)]
    pub(super) tool_input: Option<&'a RawValue>,
}

/// Where a tool's parameters name a file.
#[derive(Deserialize, Default)]
struct Named {
    #[serde(default, alias = "filePath", alias = "notebook_path", alias = "path")]
    file_path: Option<String>,
}

/// Parameters longer than this are not read for a command: the time an agent waits must not grow with them.
const COMMAND_MAX: usize = 16 * 1024;

/// What a shell's parameters say is to be run: a line, or words.
#[derive(Deserialize, Default)]
struct Run {
    #[serde(default)]
    command: Option<Command>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Command {
    Line(String),
    Words(Vec<String>),
}

impl<'a> Payload<'a> {
    pub(super) fn read(input: &'a [u8]) -> Result<Self, String> {
        if input.iter().all(u8::is_ascii_whitespace) {
            return Err("nothing came on standard input".to_owned());
        }
        serde_json::from_slice(input)
            .map_err(|error| format!("what came on standard input is not its hook JSON: {error}"))
    }

    /// The agent's name of what happens.
    pub(super) fn event(&self) -> &str {
        &self.hook_event_name
    }

    /// The agent's own id of the run.
    pub(super) fn run(&self) -> Result<&str, String> {
        let id = self
            .conversation_id
            .as_deref()
            .or(self.session_id.as_deref());
        id.filter(|id| !id.is_empty())
            .ok_or_else(|| "the hook JSON has no session id".to_owned())
    }

    /// The directory the agent is in.
    pub(super) fn directory(&self) -> Result<&Path, String> {
        let first_root = self
            .workspace_roots
            .as_ref()
            .and_then(|roots| roots.first());
        let directory = self.cwd.as_deref().filter(|cwd| !cwd.is_empty());
        let directory = directory.or(first_root.map(String::as_str)).map(Path::new);
        directory
            .filter(|directory| directory.is_absolute())
            .ok_or_else(|| "the hook JSON names no directory".to_owned())
    }

    /// The file that a tool's parameters name, absolute.
    pub(super) fn file(&self) -> Option<PathBuf> {
        let named: Named = serde_json::from_str(self.tool_input?.get()).ok()?;
        let path = PathBuf::from(named.file_path.filter(|path| !path.is_empty())?);
        if path.is_absolute() {
            Some(path)
        } else {
            Some(self.directory().ok()?.join(path))
        }
    }

    /// The command that a shell is about to run.
    pub(super) fn command(&self) -> Option<String> {
        let input = self.tool_input?.get();
        if input.len() > COMMAND_MAX {
            return None;
        }
        let run: Run = serde_json::from_str(input).ok()?;
        match run.command? {
            Command::Line(line) => Some(line),
            Command::Words(words) => Some(words.join(" ")),
        }
    }

    /// The call's own id, or one made of the tool and its parameters, which come again when the call ends.
    pub(super) fn id_of_call(&self) -> String {
        let own = self.tool_use_id.clone();
        own.unwrap_or_else(|| self.id_of_parameters())
    }

    fn id_of_parameters(&self) -> String {
        let tool = self.tool_name.as_deref().unwrap_or_default();
        let parameters = self.tool_input.map_or("", RawValue::get);
        // FNV-1a: two calls at once with the same parameters may well share a bracket.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in tool.bytes().chain([0]).chain(parameters.bytes()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        format!("{tool}-{hash:016x}")
    }
}
