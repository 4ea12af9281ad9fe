//! The agents, and the one form into which what each of them says is brought.
//!
//! Does: say which agent means what by its events, and how it is answered; each in its own file.
//! Does not: talk to the daemon.

use std::path::PathBuf;

use super::payload::Payload;
use super::{claude_code, codex, cursor, gemini, opencode};

/// An agent whose hooks are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Agent {
    /// Claude Code
    ClaudeCode,
    /// Codex
    Codex,
    /// Gemini CLI
    Gemini,
    /// Cursor
    Cursor,
    /// OpenCode
    Opencode,
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    SessionStart,
    SessionEnd,
    TurnStart {
        prompt: Option<String>,
    },
    TurnEnd,
    Begin {
        tool: Option<String>,
        id: Option<String>,
        paths: Vec<PathBuf>,
        /// What a shell is about to run.
        command: Option<String>,
    },
    End {
        tool: Option<String>,
        id: Option<String>,
        success: bool,
    },
}

/// One call of a hook, whoever made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) agent: &'static str,
    pub(super) session: String,
    /// The session of the agent that started this one.
    pub(super) parent: Option<String>,
    pub(super) label: Option<String>,
    /// A path in the workspace.
    pub(super) place: PathBuf,
    /// The agent takes news in its answer to this event.
    pub(super) tell: bool,
    pub(super) what: What,
}

const ALL: [Agent; 5] = [
    Agent::ClaudeCode,
    Agent::Codex,
    Agent::Gemini,
    Agent::Cursor,
    Agent::Opencode,
];

impl Agent {
    pub(super) fn named(name: &str) -> Option<Self> {
        ALL.into_iter().find(|agent| agent.name() == name)
    }

    pub(super) fn names() -> String {
        ALL.map(Agent::name).join(", ")
    }

    /// Its name here, and as the author of what it does.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ClaudeCode => "claude-code",
            Self::Codex => "codex",
            Self::Gemini => "gemini",
            Self::Cursor => "cursor",
            Self::Opencode => "opencode",
        }
    }

    /// What an event means; `None` where there is nothing to do.
    pub(super) fn understand(self, payload: &Payload<'_>) -> Result<Option<Call>, String> {
        match self {
            Self::ClaudeCode => claude_code::understand(payload),
            Self::Codex => codex::understand(payload),
            Self::Gemini => gemini::understand(payload),
            Self::Cursor => cursor::understand(payload),
            Self::Opencode => opencode::understand(payload),
        }
    }

    /// The answer to an event, with or without something to tell.
    pub(super) fn say(self, event: &str, news: Option<&str>) -> String {
        match self {
            Self::ClaudeCode => claude_code::say(event, news),
            Self::Codex => codex::say(event, news),
            Self::Gemini => gemini::say(event, news),
            Self::Cursor => cursor::say(event, news),
            Self::Opencode => opencode::say(event, news),
        }
    }
}

/// The id of a session here: the agent's name and its own id of the run, so that whoever knows the one knows the other.
pub(super) fn session_id(agent: &str, run: &str, subagent: Option<&str>) -> String {
    let mut id = String::with_capacity(agent.len() + run.len() + 1);
    for (part, most) in [(agent, 20), (run, 100), (subagent.unwrap_or_default(), 70)] {
        if part.is_empty() {
            continue;
        }
        if !id.is_empty() {
            id.push(':');
        }
        let kept = part.chars().take(most).map(|c| match c {
            c if c.is_ascii_alphanumeric() => c,
            '.' | '_' | '-' => c,
            _ => '-',
        });
        id.extend(kept);
    }
    // A short id is one of a test or a toy; the daemon wants a few letters.
    while id.len() < 8 {
        id.push('-');
    }
    id
}

impl Call {
    /// A call of a run of `agent`, or of a subagent in it.
    pub(super) fn new(
        agent: &'static str,
        payload: &Payload<'_>,
        what: What,
        tell: bool,
    ) -> Result<Self, String> {
        let run = payload.run()?;
        let subagent = payload.agent_id.as_deref().filter(|id| !id.is_empty());
        // A bracket is opened where its file is, everything else in the agent's own project.
        let place = match &what {
            What::Begin { .. } | What::End { .. } => payload.file(),
            _ => project(agent),
        };
        let place = match place {
            Some(place) => place,
            None => payload.directory()?.to_owned(),
        };
        Ok(Self {
            agent,
            session: session_id(agent, run, subagent),
            parent: match (subagent, payload.parent_id.as_deref()) {
                (Some(_), _) => Some(session_id(agent, run, None)),
                (None, parent) => parent.map(|parent| session_id(agent, parent, None)),
            },
            label: payload.agent_type.clone().filter(|_| subagent.is_some()),
            place,
            tell,
            what,
        })
    }
}

/// The project an agent was started in, which its current directory may have left: some say so in the environment.
fn project(agent: &str) -> Option<PathBuf> {
    let name = match agent {
        claude_code::NAME => "CLAUDE_PROJECT_DIR",
        gemini::NAME => "GEMINI_PROJECT_DIR",
        cursor::NAME => "CURSOR_PROJECT_DIR",
        _ => return None,
    };
    let project = PathBuf::from(std::env::var_os(name)?);
    project.is_absolute().then_some(project)
}
