//! Bringing a workspace up: store, root, recovery, watcher, workers; and taking it down again.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use aft_engine::policy::Rules;
use aft_engine::{Effect, Engine, Ring, Settings};
use aft_model::{RelPath, SecretNames, WorkspaceId};
use aft_os::fs::real::{RealRoot, WritableRoot};
use aft_os::store_dir::real::RealStoreDir;
use aft_os::watch::inotify::InotifyWatch;
use aft_os::watch::notify::NotifyWatch;
use aft_os::watch::poll::PollWatch;
use aft_os::{Clock, ReadDir, StoreDir, Watch, WriteDir};
use aft_store::{LateSync, Opened, Reader};
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use parking_lot::Mutex;
use tracing::warn;

use super::actor::{Actor, Timers};
use super::boot::Boot;
use super::budget::Budget;
use super::contents::Recent;
use super::errand::Runner;
use super::handle::Workspace;
use super::hints::SignalBox;
use super::inbox::Input;
use super::look::{Looker, SCAN_THREADS};
use super::milestones::Milestones;
use super::recover::recover;
use super::resume::resume;
use super::rules_cell::SharedRules;
use super::session_cache::L2;
use super::session_log;
use super::settling::{Settling, Unsettled};
use super::shared::Shared;
use super::sink::Sink;
use super::smart::{self, Smart};
use super::warm;
use super::writer::{Group, Order, Scribe};
use crate::config::{Config, StoreConfig, WatchBackend};

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
    let shared = Arc::new(shared.with_secrets(secrets));
    *shared.backend.lock() = watch.backend();
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

/// What the workers stand on.
pub(crate) struct Parts {
    pub(crate) real: Arc<dyn ReadDir>,
    pub(crate) writable: Arc<dyn WriteDir>,
    pub(crate) watch: Arc<dyn Watch>,
    pub(crate) signals: SignalBox,
    pub(crate) shared: Arc<Shared>,
    pub(crate) inbox: Sender<Input>,
    pub(crate) inbox_rx: Receiver<Input>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) config: Config,
    pub(crate) nested: Vec<RelPath>,
    /// Where the daemon notes for its next start what is no history.
    pub(crate) notes: Option<Arc<dyn StoreDir>>,
    /// Which boot of the system this is.
    pub(crate) boot: Boot,
    /// Orders that may wait for the writer; without a bound nobody ever waits for it.
    pub(crate) orders_max: Option<usize>,
    /// Threads that may read or stage at once.
    pub(crate) threads: usize,
}

impl Parts {
    fn rules(&self) -> SharedRules {
        let (root, notes) = (self.real.as_ref(), self.notes.clone());
        SharedRules::load(root, &self.config.track, &self.nested, notes)
    }
}

/// The workers of a workspace, not running yet.
pub(crate) struct Workers {
    pub(crate) actor: Actor,
    pub(crate) first: Vec<Effect>,
    pub(crate) looker: Looker,
    pub(crate) runner: Runner,
    pub(crate) scribe: Scribe,
    pub(crate) inbox: Sender<Input>,
    pub(crate) orders: Sender<Order>,
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

/// Finishes what a crash cut short and takes the history up.
fn begin(
    writer: &mut aft_store::Writer,
    reader: &Reader,
    recovery: &aft_store::Recovery,
    parts: &Parts,
) -> Result<(Engine, Vec<Effect>, Vec<Unsettled>), OpenError> {
    if recovery.unclean {
        warn!(workspace = %parts.shared.id, torn = recovery.torn_bytes, "the store was not closed cleanly");
    }
    let recovered = recover(writer, reader, recovery, parts)?;
    let resumed = resume(reader, recovered.next, parts)?;
    let (engine, first) = Engine::new(
        settings(&parts.config, parts.shared.plan_key),
        resumed.start,
        resumed.next,
    );
    Ok((engine, first, recovered.unsettled))
}

/// Makes the workers.
pub(crate) fn workers(opened: Opened, parts: Parts) -> Result<Workers, OpenError> {
    let Opened {
        mut writer,
        reader,
        recovery,
    } = opened;
    let (orders, orders_rx) = parts.orders_max.map_or_else(unbounded, bounded);
    let recent = Recent::default();
    let shared = Arc::clone(&parts.shared);
    let sink = Sink::new(reader.clone(), orders.clone(), recent.clone(), shared);
    let (engine, first, unsettled) = begin(&mut writer, &reader, &recovery, &parts)?;
    session_log::go_on(&mut writer, &reader, &parts)?;
    let rules = parts.rules();
    let (look, look_rx) = bounded(4);
    let (errand, errand_rx) = bounded(4);
    let clock = Arc::clone(&parts.clock);
    let rescan_ns = u64::try_from(parts.config.daemon.rescan.0.as_nanos()).unwrap_or(u64::MAX);
    let actor = Actor {
        engine,
        inbox: parts.inbox_rx,
        signals: parts.signals,
        shared: Arc::clone(&parts.shared),
        clock: Arc::clone(&clock),
        root: Arc::clone(&parts.real) as Arc<dyn ReadDir>,
        watch: Arc::clone(&parts.watch),
        rules: rules.clone(),
        recent,
        look,
        errand,
        writer: orders.clone(),
        requests: HashMap::new(),
        n_requests: 0,
        n_found: 0,
        wake_at_ns: None,
        timers: Timers::new(clock.mono_ns(), rescan_ns),
    };
    let looker = Looker {
        orders: look_rx,
        results: parts.inbox.clone(),
        root: parts.real,
        watch: parts.watch,
        rules,
        track: parts.config.track.clone(),
        sink: sink.clone(),
        shared: Arc::clone(&parts.shared),
        threads: parts.threads,
    };
    let runner = Runner {
        errands: errand_rx,
        results: parts.inbox.clone(),
        writer: orders.clone(),
        reader: reader.clone(),
        root: parts.writable,
        sink,
        shared: Arc::clone(&parts.shared),
        clock: Arc::clone(&clock),
        settling: Settling::of(unsettled),
        two_writers: parts.threads > 1,
        before_waiting: Arc::new(|| {}),
    };
    let standing = (parts.shared, clock, parts.boot, parts.config.store);
    let scribe = scribe((writer, reader), orders_rx, parts.inbox.clone(), standing);
    Ok(Workers {
        actor,
        first,
        looker,
        runner,
        scribe,
        inbox: parts.inbox,
        orders,
    })
}

fn scribe(
    (store, reader): (aft_store::Writer, Reader),
    orders: Receiver<Order>,
    results: Sender<Input>,
    (shared, clock, boot, kept): (Arc<Shared>, Arc<dyn Clock>, Boot, StoreConfig),
) -> Scribe {
    Scribe {
        store,
        reader,
        orders,
        results,
        shared,
        clock,
        boot: Some(boot),
        syncs: None,
        state: Group::keeping(kept),
    }
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

fn settings(config: &Config, plan_key: [u8; 32]) -> Settings {
    let defaults = Settings::default();
    let settle_ns = u64::try_from(config.track.settle.0.as_nanos()).unwrap_or(defaults.settle_ns);
    Settings {
        settle_ns,
        plan_key,
        ..defaults
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, OpenError> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map_err(OpenError::Thread)
}
