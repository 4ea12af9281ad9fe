//! Bringing a workspace up: its root, its store, its watcher, and the threads of its workers.
//!
//! Does not: make the workers (`workers` does), or end them (`Workspace::close` does).

mod workers;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use aft_engine::Ring;
use aft_engine::policy::Rules;
use aft_model::{RelPath, SecretNames, WorkspaceId};
use aft_os::KernelWriters;
use aft_os::fs::real::{RealRoot, WritableRoot};
use aft_os::store_dir::real::RealStoreDir;
use aft_os::watch::inotify::InotifyWatch;
use aft_os::watch::notify::NotifyWatch;
use aft_os::watch::poll::PollWatch;
use aft_os::{Clock, StoreDir, Watch};
use aft_store::LateSync;
use crossbeam_channel::{bounded, unbounded};
use parking_lot::Mutex;

use super::at_work::AtWork;
use super::boot::Boot;
use super::budget::Budget;
use super::handle::Workspace;
use super::hints::SignalBox;
use super::look::SCAN_THREADS;
use super::milestones::Milestones;
use super::session_cache::L2;
use super::shared::Shared;
use super::smart::{self, Smart};
use super::warm;
use super::writers::Following;
use crate::config::{Config, WatchBackend, WriterSource};
pub(crate) use workers::{Parts, Workers, workers};

/// Messages waiting for the actor; a client that finds it full is told `busy`.
const INBOX_MAX: usize = 1024;
/// Orders waiting for the writer; whoever captures waits for room.
const ORDERS_MAX: usize = 4096;
/// Bytes of contents among them: what is captured while the writer waits for the disk.
const ORDERS_BYTES_MAX: u64 = 16 << 20;

/// What a workspace is opened with.
pub struct OpenOptions {
    /// Its id.
    pub id: WorkspaceId,
    /// Its root.
    pub root: PathBuf,
    /// Its directory in the store.
    pub store: PathBuf,
    /// Roots of other workspaces beneath this one: left alone.
    pub nested: Vec<RelPath>,
    /// Configuration, the workspace's own file included.
    pub config: Config,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Its share of the session cache.
    pub(crate) l2: L2,
    /// What all histories may take together.
    pub(crate) budget: Arc<Budget>,
    /// Who is at work, in any workspace.
    pub(crate) at_work: AtWork,
}

/// Why a workspace cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The root cannot be opened.
    #[error("cannot open the directory {root}")]
    Root {
        /// The root.
        root: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The store's directory cannot be opened.
    #[error("cannot open the store at {dir}")]
    StoreDir {
        /// The directory.
        dir: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The store itself says no.
    #[error("cannot open the history")]
    Store(#[from] aft_store::OpenError),
    /// The history cannot be read.
    #[error("cannot read the history")]
    Read(#[from] aft_store::ReadError),
    /// The history cannot be written.
    #[error("cannot write the history")]
    Write(#[from] aft_store::StoreError),
    /// An unfinished rollback cannot be finished.
    #[error("cannot finish a rollback that was cut short: {0}")]
    Recover(String),
    /// No watcher could be made.
    #[error("cannot watch")]
    Watch(#[source] std::io::Error),
    /// A thread could not be made.
    #[error("cannot start a worker")]
    Thread(#[source] std::io::Error),
}

/// Opens a workspace and starts its workers.
///
/// # Errors
/// [`OpenError`] says what is in the way; nothing is left running then.
pub fn open(options: OpenOptions) -> Result<Workspace, OpenError> {
    let real = RealRoot::open(&options.root).map_err(|source| OpenError::Root {
        root: options.root.clone(),
        source,
    })?;
    let real = Arc::new(real);
    let writable = WritableRoot::open(&options.root).map_err(|source| OpenError::Root {
        root: options.root.clone(),
        source,
    })?;
    let store_dir: Arc<dyn StoreDir> = match RealStoreDir::open(&options.store, true) {
        Ok(dir) => Arc::new(dir),
        Err(source) => {
            return Err(OpenError::StoreDir {
                dir: options.store.clone(),
                source,
            });
        }
    };
    let sized = aft_store::Options::within(options.config.store.cap.0);
    let opened = aft_store::open(Arc::clone(&store_dir), &sized)?;
    let daemon = &options.config.daemon;
    let ring = Ring::new(
        daemon.l1_operations as usize,
        usize::try_from(daemon.l1_bytes.0).unwrap_or(usize::MAX),
    );
    let (inbox, inbox_rx) = bounded(INBOX_MAX);
    let signals = SignalBox::new(inbox.clone());
    let watch = start_watch(&options, &real, &signals)?;
    let shared = Shared::new(options.id, options.root, ring, opened.reader.head());
    let secrets = options.config.track.sealed_names();
    let shared = shared.with_l2(options.l2).with_budget(options.budget);
    let shared = shared.with_at_work(options.at_work);
    let shared = Arc::new(shared.with_secrets(secrets));
    *shared.backend.lock() = watch.backend();
    shared.set_writers(writers(&options.config, &real));
    let parts = Parts {
        real,
        writable: Arc::new(writable),
        watch,
        signals,
        shared,
        inbox,
        inbox_rx,
        clock: options.clock,
        config: options.config,
        nested: options.nested,
        boot: Boot::new(Arc::clone(&store_dir), aft_os::process::boot_id()),
        notes: Some(Arc::clone(&store_dir)),
        orders_max: Some(ORDERS_MAX),
        threads: SCAN_THREADS,
    };
    parts.shared.room.limit(ORDERS_BYTES_MAX);
    let keeps_warm = parts.config.daemon.l2_keep;
    let clock = Arc::clone(&parts.clock);
    let rules = smart::rules(&parts.config.checkpoint);
    let workers = workers(opened, parts)?;
    let smart = Arc::new(smart_checkpoints(&workers, rules));
    let mut workspace = start(workers)?;
    let history = (workspace.reader.clone(), Arc::clone(&workspace.shared));
    workspace.milestones =
        Milestones::started(store_dir.as_ref(), history, clock, workspace.inbox.clone());
    let began = smart.start(workspace.milestones.clone());
    began.map_err(OpenError::Thread)?;
    workspace.smart = Some(smart);
    if keeps_warm {
        warm::read_again(store_dir.as_ref(), &workspace.shared, &workspace.reader);
        workspace.warm = Some(store_dir);
    }
    Ok(workspace)
}

/// Hears of what the workers do from the first operation on, which they have not begun yet.
fn smart_checkpoints(workers: &Workers, rules: Rules) -> Smart {
    let ground = smart::Ground {
        reader: workers.scribe.reader.clone(),
        shared: Arc::clone(&workers.actor.shared),
        clock: Arc::clone(&workers.actor.clock),
        writer: workers.orders.clone(),
        inbox: workers.inbox.clone(),
    };
    let engine = &workers.actor.engine;
    Smart::new(ground, rules, (engine.head(), engine.tree()))
}

/// Whether the kernel says who writes; else why not.
fn writers(config: &Config, real: &Arc<RealRoot>) -> Result<Following, String> {
    if config.daemon.writers == WriterSource::Off {
        return Err("switched off by `writers = \"off\"`".to_owned());
    }
    match KernelWriters::probe(Arc::clone(real)) {
        Ok(writers) => Ok(Following::new(Arc::new(writers))),
        Err(error) => Err(error.to_string()),
    }
}

fn start_watch(
    options: &OpenOptions,
    real: &Arc<RealRoot>,
    signals: &SignalBox,
) -> Result<Arc<dyn Watch>, OpenError> {
    let cookies = options.store.join("cookies");
    aft_os::home::ensure_private_dir(&cookies).map_err(OpenError::Watch)?;
    let sink = Arc::new(signals.clone());
    let backend = match options.config.daemon.watch {
        WatchBackend::Auto if !real.kind().gives_events() => WatchBackend::Poll,
        WatchBackend::Auto => WatchBackend::Inotify,
        chosen => chosen,
    };
    Ok(match backend {
        WatchBackend::Poll => Arc::new(PollWatch::new()),
        WatchBackend::Notify => Arc::new(
            NotifyWatch::start(Arc::clone(real), &cookies, sink).map_err(OpenError::Watch)?,
        ),
        WatchBackend::Inotify | WatchBackend::Auto => Arc::new(
            InotifyWatch::start(Arc::clone(real), &cookies, sink).map_err(OpenError::Watch)?,
        ),
    })
}

fn start(workers: Workers) -> Result<Workspace, OpenError> {
    let Workers {
        actor,
        first,
        looker,
        runner,
        mut scribe,
        inbox,
        orders,
    } = workers;
    let (syncs, begun) = unbounded::<LateSync>();
    scribe.syncs = Some(syncs);
    let run_syncs = move || begun.into_iter().for_each(LateSync::run);
    let (shared, reader) = (Arc::clone(&scribe.shared), scribe.reader.clone());
    let syncing = spawn("aft-sync", run_syncs)?;
    let write = move || {
        scribe.run();
        // Nobody gives it work any more.
        drop(syncing.join());
    };
    // The writer comes last, because it is ended last.
    let threads = vec![
        spawn("aft-actor", move || actor.run(first))?,
        spawn("aft-look", move || looker.run())?,
        spawn("aft-errand", move || runner.run())?,
        spawn("aft-writer", write)?,
    ];
    Ok(Workspace {
        shared,
        reader,
        inbox,
        writer: orders,
        threads: Mutex::new(threads),
        at_rest: false,
        warm: None,
        milestones: None,
        smart: None,
        checks: OnceLock::new(),
    })
}

/// The history in `store` of a workspace whose root is not there. It can be read; whatever needs the root is refused.
///
/// # Errors
/// [`OpenError`] where the store cannot be opened.
pub(crate) fn open_history(
    id: WorkspaceId,
    root: PathBuf,
    store: &Path,
    secrets: SecretNames,
) -> Result<Workspace, OpenError> {
    let dir = RealStoreDir::open(store, false).map_err(|source| OpenError::StoreDir {
        dir: store.to_owned(),
        source,
    })?;
    let opened = aft_store::open(Arc::new(dir), &aft_store::Options::default())?;
    // After a power cut the next start must still know of it: it decides how an open intent is finished.
    if !opened.recovery.unclean {
        opened.writer.close()?;
    }
    let reader = opened.reader;
    let shared = Shared::new(id, root, Ring::new(0, 0), reader.head()).with_secrets(secrets);
    shared.standing.lock().state = "detached";
    let (inbox, _) = bounded(0);
    let (writer, _) = bounded(0);
    Ok(Workspace {
        shared: Arc::new(shared),
        reader,
        inbox,
        writer,
        threads: Mutex::new(Vec::new()),
        at_rest: true,
        warm: None,
        milestones: None,
        smart: None,
        checks: OnceLock::new(),
    })
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, OpenError> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map_err(OpenError::Thread)
}
