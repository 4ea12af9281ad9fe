//! `aft mcp`: the history of workspaces as tools and resources of the Model Context Protocol, on standard input and output.
//!
//! Does: turn each tool call into calls of the daemon's methods, with an agent's rights, and each resource into what a
//! method reads.
//! Does not: keep anything between two calls. Workspace, session and plan are named in each, and each makes a connection
//! of its own, so that the stateless protocol 2026-07-28 is served as well as 2025-11-25 and older ones, and a daemon may
//! be started anew in between. It does not reach the daemon's control socket, a store or a workspace.
//!
//! Start reading at [`serve`], then `tools`.

mod daemon;
mod resources;
mod schema;
mod server;
mod tools;

use std::path::PathBuf;

use rmcp::ServiceExt;

/// Why serving ended before the client was done.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The runtime could not be made.
    #[error("the event loop cannot be started")]
    Runtime(#[source] std::io::Error),
    /// The client did not greet as the protocol wants it.
    #[error("the client did not begin as the protocol wants it: {0}")]
    Greeting(String),
    /// It broke later.
    #[error("serving broke off: {0}")]
    Broken(String),
}

/// Serves standard input until it ends, with what the daemon behind `agent_socket` answers.
///
/// # Errors
/// [`ServeError`].
pub fn serve(agent_socket: PathBuf) -> Result<(), ServeError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(8)
        .build()
        .map_err(ServeError::Runtime)?;
    runtime.block_on(async {
        let server = server::Server::new(daemon::Daemon::at(agent_socket));
        let running = match server.serve(rmcp::transport::stdio()).await {
            Ok(running) => running,
            // A client that leaves at once has done nothing wrong.
            Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
            Err(error) => return Err(ServeError::Greeting(error.to_string())),
        };
        running
            .waiting()
            .await
            .map(|_| ())
            .map_err(|error| ServeError::Broken(error.to_string()))
    })
}
