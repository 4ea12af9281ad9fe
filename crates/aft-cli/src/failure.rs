//! How a command fails: a sentence, what to do about it, details, and the exit code. This is where errors
//! of every kind are folded into exit codes.

#[cfg(test)]
mod tests;

use std::io;

use aft_rpc::client::ClientError;
use aft_rpc::{ExitKind, PathsError, RpcError};
use serde_json::json;

use crate::render::clash::clashes;
use crate::render::text::shown;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure(Box<Parts>);

#[derive(Debug)]
struct Parts {
    exit: ExitKind,
    /// A sentence without its full stop.
    message: String,
    remedy: Option<String>,
    /// Lines that belong to it, such as the paths in conflict.
    details: Vec<String>,
    rpc: Option<RpcError>,
    broken_pipe: bool,
    hangup: bool,
}

/// How a command ends that did not fail outright.
pub(crate) type Outcome = Result<ExitKind, Failure>;

impl Failure {
    pub(crate) fn new(exit: ExitKind, message: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            exit,
            message: message.into(),
            remedy: None,
            details: Vec::new(),
            rpc: None,
            broken_pipe: false,
            hangup: false,
        }))
    }

    /// Exit 1 with an error of the operating system behind it.
    pub(crate) fn io(what: impl std::fmt::Display, error: &io::Error) -> Self {
        let mut failure = Self::new(ExitKind::Failed, format!("{what}: {error}"));
        failure.0.broken_pipe = error.kind() == io::ErrorKind::BrokenPipe;
        failure
    }

    pub(crate) fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.0.remedy = Some(remedy.into());
        self
    }

    pub(crate) fn with_details(mut self, details: Vec<String>) -> Self {
        self.0.details = details;
        self
    }

    pub(crate) fn exit(&self) -> ExitKind {
        self.0.exit
    }

    /// True when standard output was closed by its reader.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        self.0.broken_pipe
    }

    /// True when the daemon went away in the middle of a call.
    pub(crate) fn is_hangup(&self) -> bool {
        self.0.hangup
    }

    /// For standard error.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("aft: {}\n", shown(&self.0.message));
        for detail in &self.0.details {
            text.push_str(&format!("  {}\n", shown(detail)));
        }
        if let Some(remedy) = &self.0.remedy {
            text.push_str(&format!("  {}\n", shown(remedy)));
        }
        text
    }

    /// For standard output with `--json`: the error object of the daemon, or one in its shape.
    pub(crate) fn json(&self) -> String {
        let error = match &self.0.rpc {
            Some(rpc) => json!({ "error": rpc }),
            None => {
                json!({ "error": { "message": self.0.message, "data": { "remedy": self.0.remedy }, "exit": self.0.exit.code() } })
            }
        };
        format!("{error}\n")
    }
}

impl From<RpcError> for Failure {
    fn from(error: RpcError) -> Self {
        let mut details = Vec::new();
        for conflict in &error.data.conflicts {
            details.push(format!("{}: {}", conflict.path.display(), conflict.message));
            details.extend(clashes(conflict));
        }
        if !error.data.nearest.is_empty() {
            details.push(format!("nearest: {}", error.data.nearest.join(", ")));
        }
        let mut failure =
            Self::new(error.data.kind.exit(), error.message.clone()).with_details(details);
        failure.0.remedy.clone_from(&error.data.remedy);
        failure.0.rpc = Some(error);
        failure
    }
}

impl From<PathsError> for Failure {
    fn from(error: PathsError) -> Self {
        Self::new(ExitKind::Failed, error.to_string())
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let cause = std::error::Error::source(&error)
            .map(|source| format!(": {source}"))
            .unwrap_or_default();
        let message = format!("{error}{cause}");
        match error {
            ClientError::Rpc(error) => error.into(),
            ClientError::NoDaemon { .. } => Self::new(ExitKind::NoDaemon, message).with_remedy("Start one with `aft daemon start`."),
            ClientError::ForeignDaemon { .. } => {
                Self::new(ExitKind::Forbidden, message).with_remedy("Set AFT_RUNTIME_DIR to a directory of your own.")
            }
            ClientError::Key { .. } => Self::new(ExitKind::Forbidden, message)
                .with_remedy("Only the user who runs the daemon, outside a sandbox, may do this; `aft doctor` looks further."),
            ClientError::Closed => {
                let mut failure = Self::new(ExitKind::Failed, message);
                failure.0.hangup = true;
                failure.with_remedy("`aft daemon logs` tells why; the command can be given again.")
            }
            ClientError::Paths(_)
            | ClientError::Io(_)
            | ClientError::TimedOut
            | ClientError::RequestTooLong { .. }
            | ClientError::Protocol(_) => Self::new(ExitKind::Failed, message),
        }
    }
}

/// Writing a result failed.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::io("cannot write the output", &error)
    }
}
