//! The three sockets: accept, check the peer, hand each connection to a task of its own.

mod audited;
mod calls;
mod connection;
mod diffs;
pub(crate) mod failure;
mod points;
pub(crate) mod refusals;
pub(crate) mod room;
mod sight;
mod subscribe;
pub(crate) mod unsent;
mod veil;
mod whose;

use std::io;
use std::path::Path;
use std::sync::Arc;

use aft_rpc::Paths;
use aft_rpc::types::hello::Role;
use tokio::net::{UnixListener, UnixStream};
use tracing::{debug, warn};

use crate::daemon::Daemon;
use crate::run::RunError;

/// How often the log says that connections are closed because there are too many.
const SAID_AGAIN_NS: i64 = 10_000_000_000;

/// The open listeners.
pub(crate) struct Listeners(Vec<(Role, UnixListener)>);

/// Makes the sockets. Whoever holds the store's lock may remove stale ones.
pub(crate) fn listen(paths: &Paths) -> Result<Listeners, RunError> {
    let mut listeners = Vec::new();
    for role in [Role::Editor, Role::Agent, Role::Control] {
        let path = paths.socket(role)?;
        remove_socket(&path);
        let listener = UnixListener::bind(&path).map_err(|source| RunError::Listen {
            path: path.clone(),
            source,
        })?;
        listeners.push((role, listener));
    }
    Ok(Listeners(listeners))
}

/// Removes the sockets at the end, so that the next client need not find out that nobody answers.
pub(crate) fn remove_sockets(paths: &Paths) {
    for role in [Role::Editor, Role::Agent, Role::Control] {
        if let Ok(path) = paths.socket(role) {
            remove_socket(&path);
        }
    }
}

fn remove_socket(path: &Path) {
    if let Err(error) = aft_os::home::remove_socket(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        warn!(path = %path.display(), %error, "a stale socket cannot be removed");
    }
}

/// Serves until cancelled.
pub(crate) async fn serve(daemon: Arc<Daemon>, listeners: Listeners) {
    let mut tasks = tokio::task::JoinSet::new();
    for (role, listener) in listeners.0 {
        tasks.spawn(accept(Arc::clone(&daemon), role, listener));
    }
    tasks.join_next().await;
}

async fn accept(daemon: Arc<Daemon>, role: Role, listener: UnixListener) {
    let mut refused = Refused::default();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                admit(&daemon, role, stream, &mut refused);
                // Whoever connects again and again takes turns with those who are there.
                tokio::task::yield_now().await;
            }
            Err(error) => {
                // Out of descriptors: what is open goes on, and room comes when something closes.
                warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
}

/// Connections that found no room. Whoever opens them by the thousand does not fill the log with them.
#[derive(Default)]
struct Refused {
    n: u64,
    said_ns: Option<i64>,
}

impl Refused {
    fn say(&mut self, now_ns: i64) {
        self.n += 1;
        let lately = |said: i64| (0..SAID_AGAIN_NS).contains(&now_ns.saturating_sub(said));
        if !self.said_ns.is_some_and(lately) {
            warn!(
                closed = self.n,
                "too many connections; those that came last were closed"
            );
            *self = Self {
                n: 0,
                said_ns: Some(now_ns),
            };
        }
    }
}

fn admit(daemon: &Arc<Daemon>, role: Role, stream: UnixStream, refused: &mut Refused) {
    let peer = match stream.peer_cred() {
        Ok(peer) if peer.uid() == aft_os::process::euid() => peer,
        Ok(peer) => {
            warn!(uid = peer.uid(), "a connection of another user was refused");
            return;
        }
        Err(error) => {
            warn!(%error, "a peer could not be identified");
            return;
        }
    };
    let Some(place) = daemon.room.take(role) else {
        refused.say(daemon.clock.wall_ns());
        return;
    };
    debug!(role = role.as_str(), pid = peer.pid(), "connection");
    let daemon = Arc::clone(daemon);
    tokio::spawn(async move {
        connection::serve(Arc::clone(&daemon), role, stream, peer).await;
        drop(place);
    });
}
