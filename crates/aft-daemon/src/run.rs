//! The process: lock, log, sockets, workspaces, and the end in good order.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use aft_os::StoreDir;
use aft_os::clock::SystemClock;
use aft_os::store_dir::real::RealStoreDir;
use aft_rpc::{Paths, PathsError};
use tracing::{error, info, warn};

use crate::causes::chain;
use crate::config::{self, LogLevel};
use crate::daemon::Daemon;
use crate::memory;
use crate::registry::RegistryError;
use crate::serve;

/// Log files kept, one a day.
const LOGS_KEPT: usize = 7;

/// How to run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Where store, sockets and configuration are.
    pub paths: Paths,
    /// Runs in a terminal: the log goes to standard error as well.
    pub foreground: bool,
}

/// Why the daemon does not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Another one serves this store.
    #[error("a daemon already serves the store at {0}; `aft daemon status` shows it")]
    AlreadyRunning(PathBuf),
    /// A directory is not ours, is open to others, or cannot be made.
    #[error("cannot use the directory {dir}")]
    Directory {
        /// Which.
        dir: PathBuf,
        /// Why, with the remedy.
        #[source]
        source: io::Error,
    },
    /// A socket's path is too long.
    #[error("cannot make a socket")]
    SocketPath(#[from] PathsError),
    /// A socket cannot be made.
    #[error("cannot listen on {path}")]
    Listen {
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The user's configuration is wrong.
    #[error("the configuration is wrong")]
    Config(#[from] config::ConfigError),
    /// The list of workspaces is damaged.
    #[error("cannot read the list of workspaces")]
    Registry(#[from] RegistryError),
    /// The runtime cannot start.
    #[error("cannot start")]
    Runtime(#[source] io::Error),
}

/// Lines of the log that may wait to be written; the room for them is taken at once.
const LOG_LINES_WAITING_MAX: usize = 4096;

/// Runs the daemon until it is told to stop.
///
/// # Errors
/// [`RunError`] when it cannot start; nothing is left behind then.
pub fn run(options: RunOptions) -> Result<(), RunError> {
    if let Err(error) = aft_os::process::harden() {
        warn!(%error, "core dumps could not be switched off");
    }
    aft_os::process::keep_little_memory();
    let paths = options.paths;
    let directory = |dir: &PathBuf| {
        let dir = dir.clone();
        move |source| RunError::Directory { dir, source }
    };
    let home = RealStoreDir::open(&paths.home, true).map_err(directory(&paths.home))?;
    aft_os::home::ensure_private_dir(&paths.runtime_dir).map_err(directory(&paths.runtime_dir))?;
    let user = config::read_user(&paths.config)?;
    let config = config::Config::from_sources(user.as_ref(), None)?;
    let lock = home.lock("daemon.lock").map_err(directory(&paths.home))?;
    let Some(_lock) = lock else {
        return Err(RunError::AlreadyRunning(paths.home));
    };
    let log_dir = paths.log_dir();
    aft_os::home::ensure_private_dir(&log_dir).map_err(directory(&log_dir))?;
    let _guard = start_log(&log_dir, config.daemon.log, options.foreground);
    make_key(&home).map_err(directory(&paths.home))?;
    if let Err(error) = aft_os::process::raise_nofile() {
        warn!(%error, "the limit of open files could not be raised");
    }
    info!(
        version = env!("CARGO_PKG_VERSION"),
        pid = std::process::id(),
        "daemon starts"
    );
    let clock = Arc::new(SystemClock);
    let daemon = Arc::new(Daemon::new(paths, home, clock, &config.daemon));
    let keeper = memory::start(&daemon).map_err(RunError::Runtime)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("aft-serve")
        .max_blocking_threads(16)
        .enable_all()
        .build()
        .map_err(RunError::Runtime)?;
    let result = runtime.block_on(serve_until_stopped(&daemon));
    daemon.close_all();
    daemon.caches.stop();
    daemon.refusals.write_all(&daemon);
    daemon.audit.close();
    if keeper.join().is_err() {
        error!("the thread that looks after memory had panicked");
    }
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    serve::remove_sockets(&daemon.paths);
    info!("daemon ends");
    result
}

async fn serve_until_stopped(daemon: &Arc<Daemon>) -> Result<(), RunError> {
    // The sockets answer at once; a workspace that is still being opened is waited for by `resolve`.
    let opening = Arc::clone(daemon);
    let listeners = serve::listen(&daemon.paths)?;
    tokio::task::spawn_blocking(move || opening.open_all())
        .await
        .map_err(|error| RunError::Runtime(io::Error::other(error)))??;
    let mut stopping = daemon.stopping.subscribe();
    let serving = serve::serve(Arc::clone(daemon), listeners);
    tokio::select! {
        () = serving => {}
        () = signalled() => info!("told to end by a signal"),
        _ = stopping.wait_for(|stop| *stop) => info!("told to end by a client"),
    }
    Ok(())
}

async fn signalled() {
    use tokio::signal::unix::{SignalKind, signal};
    match (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) {
        (Ok(mut terminate), Ok(mut interrupt)) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        (Err(error), _) | (_, Err(error)) => {
            error!(error = %chain(&error), "signals cannot be handled");
            std::future::pending::<()>().await;
        }
    }
}

fn start_log(
    dir: &std::path::Path,
    level: LogLevel,
    foreground: bool,
) -> Option<tracing_appender::non_blocking::WorkerGuard> {
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;
    let level = match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    };
    let filter = tracing_subscriber::EnvFilter::new(level);
    let files = tracing_appender::rolling::Builder::new()
        .rotation(tracing_appender::rolling::Rotation::DAILY)
        .filename_prefix("aft")
        .filename_suffix("log")
        .max_log_files(LOGS_KEPT)
        .build(dir)
        .ok()?;
    let (writer, guard) = tracing_appender::non_blocking::NonBlockingBuilder::default()
        .buffered_lines_limit(LOG_LINES_WAITING_MAX)
        .finish(files);
    let file = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(writer);
    let terminal = foreground.then(|| tracing_subscriber::fmt::layer().with_writer(io::stderr));
    // A second call in one process (tests) keeps the first subscriber.
    drop(
        tracing_subscriber::registry()
            .with(filter)
            .with(file)
            .with(terminal)
            .try_init(),
    );
    Some(guard)
}

/// The file whose read-write open proves that a client may write in the store.
fn make_key(home: &RealStoreDir) -> io::Result<()> {
    if home.list()?.iter().any(|name| name == "control.key") {
        return Ok(());
    }
    // What is in it means nothing, so nothing waits for the disk: after a power cut an empty key serves as well.
    home.append("control.key")?
        .append(crate::ids::new_id().as_bytes())
}
