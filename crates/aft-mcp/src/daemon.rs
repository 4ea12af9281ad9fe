//! Calls of the daemon's methods, each over a connection of its own.
//!
//! Does not: start a daemon or try again.

use std::path::PathBuf;
use std::time::Duration;

use aft_rpc::RpcError;
use aft_rpc::client::{Client, ClientError};
use aft_rpc::methods::Call;
use aft_rpc::types::sync::SyncParams;
use aft_rpc::{WireBytes, WirePath};

/// Longest wait for an answer: a workspace that is armed for the first time takes a while.
const WAIT_MAX: Duration = Duration::from_secs(600);

#[derive(Clone, Debug)]
pub(crate) struct Daemon {
    socket: PathBuf,
}

/// What a tool failed with, for whoever called it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    /// The parameters are not what the tool takes.
    #[error("the arguments are wrong: {0}")]
    Arguments(String),
    /// The daemon refused, or there is none.
    #[error(transparent)]
    Call(#[from] ClientError),
    /// There is too much of it.
    #[error("{0}")]
    TooMuch(String),
}

impl Daemon {
    pub(crate) fn at(socket: PathBuf) -> Self {
        Self { socket }
    }

    pub(crate) fn connect(&self) -> Result<Client, Failed> {
        let mut client = Client::connect(&self.socket)?;
        client.set_deadline(Some(WAIT_MAX));
        Ok(client)
    }

    pub(crate) fn call<P: Call>(&self, params: &P) -> Result<P::Result, Failed> {
        Ok(self.connect()?.call(params)?)
    }

    /// Reads, after everything that was written before is in the history. A workspace that cannot be written or is not
    /// there any more still shows what it has.
    pub(crate) fn read<P: Call>(
        &self,
        workspace: &WirePath,
        params: &P,
    ) -> Result<P::Result, Failed> {
        let mut client = self.connect()?;
        let fence = SyncParams {
            workspace: workspace.clone(),
            durable: false,
            strict: false,
            wait_ms: None,
        };
        match client.call(&fence) {
            Ok(_) | Err(ClientError::Rpc(_)) => Ok(client.call(params)?),
            Err(broken) => Err(broken.into()),
        }
    }
}

impl Failed {
    /// For the model: what is wrong and what to do.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Call(ClientError::Rpc(error)) => refused(error),
            Self::Call(ClientError::NoDaemon { .. }) => {
                format!("{self}. Run `aft daemon start`.")
            }
            other => other.to_string(),
        }
    }
}

fn refused(error: &RpcError) -> String {
    let mut text = format!("{}: {}", error.data.kind.as_str(), error.message);
    if let Some(remedy) = &error.data.remedy {
        text.push_str("\nRemedy: ");
        text.push_str(remedy);
    }
    for conflict in &error.data.conflicts {
        text.push_str(&format!(
            "\n- {}: {} ({})",
            conflict.path.display(),
            conflict.message,
            conflict.reason
        ));
        for clash in &conflict.hunks {
            let lossy = |bytes: &WireBytes| String::from_utf8_lossy(&bytes.0).into_owned();
            text.push_str(&format!(
                "\n  now:\n{}  the change made of it:\n{}  before the change:\n{}",
                lossy(&clash.now),
                lossy(&clash.base),
                lossy(&clash.before)
            ));
        }
    }
    if !error.data.nearest.is_empty() {
        text.push_str(&format!("\nNearest: {}", error.data.nearest.join(", ")));
    }
    if let Some(head) = error.data.head {
        text.push_str(&format!("\nThe newest operation is {head}."));
    }
    text
}
