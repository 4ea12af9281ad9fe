//! The connection to the daemon: made with the first call, by starting a daemon where none answers.
//!
//! A daemon that finds a newer client in `hello` hangs up and makes room, so that one more attempt is
//! made; the request was not carried out, because `hello` was not answered.

#[cfg(test)]
mod tests;

use std::time::Duration;

use aft_rpc::client::{Client, ClientError};
use aft_rpc::types::hello::{HelloParams, Role};
use aft_rpc::{Paths, build_id};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::daemon_start::{self, pause_for};
use crate::failure::Failure;

/// How long an old daemon may take to save everything and make room.
const HANDOVER_MAX: Duration = Duration::from_secs(10);
const HANDOVER_PAUSE: Duration = Duration::from_millis(10);

/// What happens where no daemon answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// One is started.
    IfMissing,
    /// That is an error.
    Never,
}

pub(crate) struct Connection {
    paths: Paths,
    start: Start,
    client: Option<Client>,
}

impl Connection {
    pub(crate) fn new(paths: Paths, start: Start) -> Self {
        Self {
            paths,
            start,
            client: None,
        }
    }

    pub(crate) fn set_start(&mut self, start: Start) {
        self.start = start;
    }

    pub(crate) fn drop_client(&mut self) {
        self.client = None;
    }

    /// The connection, made if there is none.
    pub(crate) fn client(&mut self) -> Result<&mut Client, Failure> {
        let client = match self.client.take() {
            Some(client) => client,
            None => self.connect(own_hello())?,
        };
        Ok(self.client.insert(client))
    }

    pub(crate) fn call_raw<P: Serialize>(
        &mut self,
        method: &str,
        params: &P,
    ) -> Result<Box<RawValue>, Failure> {
        let client = self.client()?;
        match client.call_raw(method, params) {
            Err(ClientError::Closed) if client.hello().is_none() => {}
            other => return other.map_err(Failure::from),
        }
        self.call_the_next(method, params)
    }

    /// The daemon makes room: connects to its successor, which this may have to start, as soon as it answers.
    fn call_the_next<P: Serialize>(
        &mut self,
        method: &str,
        params: &P,
    ) -> Result<Box<RawValue>, Failure> {
        // Without a version, so that whoever answers now does not make room a second time.
        let anonymous = HelloParams {
            client: Some("aft".to_owned()),
            version: None,
            build: None,
        };
        let mut waited = Duration::ZERO;
        loop {
            let client = self.connect(anonymous.clone())?;
            let client = self.client.insert(client);
            match client.call_raw(method, params) {
                // The old one still takes connections while it saves everything.
                Err(ClientError::Closed) if client.hello().is_none() && waited < HANDOVER_MAX => {}
                other => return other.map_err(Failure::from),
            }
            pause_for(HANDOVER_PAUSE);
            waited += HANDOVER_PAUSE;
        }
    }

    fn connect(&self, hello: HelloParams) -> Result<Client, Failure> {
        let error = match Client::connect_as(&self.paths, Role::Control, hello.clone()) {
            Ok(client) => return Ok(client),
            Err(error) => error,
        };
        // In a container or a sandbox a lesser role's socket may be all there is.
        if matches!(
            error,
            ClientError::NoDaemon { .. } | ClientError::Key { .. }
        ) {
            for role in [Role::Agent, Role::Editor] {
                if let Ok(client) = Client::connect_as(&self.paths, role, hello.clone()) {
                    return Ok(client);
                }
            }
        }
        match error {
            ClientError::NoDaemon { .. } if self.start == Start::IfMissing => {
                daemon_start::start_and_connect(&self.paths, &hello)
            }
            error => Err(error.into()),
        }
    }
}

/// What this binary says of itself.
fn own_hello() -> HelloParams {
    HelloParams {
        client: Some("aft".to_owned()),
        version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        build: build_id(),
    }
}
