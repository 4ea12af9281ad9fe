//! Which file of which agent, and what is to stand in it.
//!
//! Does not: read or write one.

use std::path::{Path, PathBuf};

use aft_rpc::ExitKind;
use serde_json::{Value, json};

use crate::commands::hook::Agent;
use crate::failure::Failure;

/// What marks the plugin's file as ours.
pub(super) const PLUGIN_MARK: &str = "aft integrate opencode";
const PLUGIN: &str = include_str!("../../../../../config/opencode/afterimage.js");
const PLUGIN_PROGRAM: &str = "const AFT = \"aft\"; // aft-integrate: program";

/// Tools of Claude Code that may write files.
const CLAUDE_TOOLS: &str = "Bash|PowerShell|Edit|MultiEdit|Write|NotebookEdit|mcp__.*";
const CODEX_TOOLS: &str = "Bash|apply_patch|Edit|Write|mcp__.*";
const GEMINI_TOOLS: &str = "write_file|replace|run_shell_command|mcp_.*";

/// Whose configuration.
pub(super) enum Scope {
    User,
    Project(PathBuf),
}

/// A file and what is to stand in it.
pub(super) struct Place {
    pub(super) file: PathBuf,
    pub(super) form: Form,
    /// What the user has to do besides.
    pub(super) note: Option<&'static str>,
}

pub(super) enum Form {
    /// Entries in a JSON file.
    Hooks(Hooks),
    /// A file of our own.
    Plugin(String),
}

/// Entries under `hooks`.
pub(super) struct Hooks {
    /// The word after `aft hook`.
    pub(super) agent: &'static str,
    /// What a new file has beside them.
    pub(super) version: Option<u32>,
    /// Event and entry, in order.
    pub(super) entries: Vec<(&'static str, Value)>,
}

pub(super) fn of(agent: Agent, scope: &Scope) -> Result<Place, Failure> {
    let program = program(scope);
    let command = format!("{} hook {}", quoted(&program), agent.name());
    let (file, form, note) = match agent {
        Agent::ClaudeCode => {
            let dir = directory(scope, "CLAUDE_CONFIG_DIR", ".claude")?;
            (dir.join("settings.json"), claude(&command), None)
        }
        Agent::Codex => {
            let dir = directory(scope, "CODEX_HOME", ".codex")?;
            let note = "Codex asks whether you trust the hooks when it starts, and skips them until you do.";
            (dir.join("hooks.json"), codex(&command), Some(note))
        }
        Agent::Gemini => {
            let dir = directory(scope, "", ".gemini")?;
            (dir.join("settings.json"), gemini(&command), None)
        }
        Agent::Cursor => {
            let dir = directory(scope, "", ".cursor")?;
            (dir.join("hooks.json"), cursor(&command), None)
        }
        Agent::Opencode => {
            let dir = match scope {
                Scope::Project(root) => root.join(".opencode"),
                Scope::User => match variable("XDG_CONFIG_HOME") {
                    Some(dir) => dir.join("opencode"),
                    None => home()?.join(".config/opencode"),
                },
            };
            let file = dir.join("plugins/afterimage.js");
            (file, Form::Plugin(plugin(&program)), None)
        }
    };
    Ok(Place { file, form, note })
}

/// The agent's directory; the user's may be named by a variable of the agent's.
fn directory(scope: &Scope, name: &str, beneath_home: &str) -> Result<PathBuf, Failure> {
    match scope {
        Scope::Project(root) => Ok(root.join(beneath_home)),
        Scope::User => match variable(name) {
            Some(dir) => Ok(dir),
            None => Ok(home()?.join(beneath_home)),
        },
    }
}

fn variable(name: &str) -> Option<PathBuf> {
    let value = std::env::var_os(name).filter(|_| !name.is_empty())?;
    let path = PathBuf::from(value);
    path.is_absolute().then_some(path)
}

fn home() -> Result<PathBuf, Failure> {
    variable("HOME").ok_or_else(|| {
        Failure::new(ExitKind::Failed, "HOME is not set to an absolute path")
            .with_remedy("Set it, or use --project.")
    })
}

/// For the user's own configuration this very program, which needs no search; what others share must find theirs.
fn program(scope: &Scope) -> PathBuf {
    match scope {
        Scope::Project(_) => PathBuf::from("aft"),
        Scope::User => std::env::current_exe().unwrap_or_else(|_| PathBuf::from("aft")),
    }
}

/// As a word of a shell's.
fn quoted(program: &Path) -> String {
    let text = program.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@".contains(c);
    if text.chars().all(is_plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

fn plugin(program: &Path) -> String {
    let program = serde_json::to_string(&program.display().to_string()).unwrap_or_default();
    PLUGIN.replace(
        PLUGIN_PROGRAM,
        &format!("const AFT = {program}; // aft-integrate: program"),
    )
}

/// Groups of hooks as Claude Code, Codex and Gemini CLI have them.
fn grouped(events: &[(&'static str, Option<&str>)], hook: &Value) -> Vec<(&'static str, Value)> {
    let group = |matcher: Option<&str>| match matcher {
        Some(matcher) => json!({ "matcher": matcher, "hooks": [hook] }),
        None => json!({ "hooks": [hook] }),
    };
    events
        .iter()
        .map(|(event, matcher)| (*event, group(*matcher)))
        .collect()
}

fn claude(command: &str) -> Form {
    let hook = json!({ "type": "command", "command": command, "timeout": 5 });
    let tools = Some(CLAUDE_TOOLS);
    Form::Hooks(Hooks {
        agent: Agent::ClaudeCode.name(),
        version: None,
        entries: grouped(
            &[
                ("SessionStart", None),
                ("UserPromptSubmit", None),
                ("PreToolUse", tools),
                ("PostToolUse", tools),
                ("PostToolUseFailure", tools),
                ("SubagentStart", None),
                ("SubagentStop", None),
                ("Stop", None),
                ("SessionEnd", None),
            ],
            &hook,
        ),
    })
}

fn codex(command: &str) -> Form {
    let hook = json!({ "type": "command", "command": command, "timeout": 5 });
    let tools = Some(CODEX_TOOLS);
    Form::Hooks(Hooks {
        agent: Agent::Codex.name(),
        version: None,
        entries: grouped(
            &[
                ("SessionStart", None),
                ("UserPromptSubmit", None),
                ("PreToolUse", tools),
                ("PostToolUse", tools),
                ("SubagentStart", None),
                ("SubagentStop", None),
                ("Stop", None),
            ],
            &hook,
        ),
    })
}

fn gemini(command: &str) -> Form {
    let hook =
        json!({ "name": "afterimage", "type": "command", "command": command, "timeout": 5000 });
    let tools = Some(GEMINI_TOOLS);
    Form::Hooks(Hooks {
        agent: Agent::Gemini.name(),
        version: None,
        entries: grouped(
            &[
                ("SessionStart", None),
                ("BeforeAgent", None),
                ("BeforeTool", tools),
                ("AfterTool", tools),
                ("AfterAgent", None),
                ("SessionEnd", None),
            ],
            &hook,
        ),
    })
}

fn cursor(command: &str) -> Form {
    let events = [
        "sessionStart",
        "beforeSubmitPrompt",
        "preToolUse",
        "postToolUse",
        "postToolUseFailure",
        "stop",
        "sessionEnd",
    ];
    Form::Hooks(Hooks {
        agent: Agent::Cursor.name(),
        version: Some(1),
        entries: events
            .into_iter()
            .map(|event| (event, json!({ "command": command })))
            .collect(),
    })
}
