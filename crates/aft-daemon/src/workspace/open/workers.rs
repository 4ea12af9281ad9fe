//! The workers of a workspace, made and joined by their queues.
//!
//! Does: finish what a crash cut short, take the history up, make the engine, and give each worker what it stands on.
//! Does not: open files of the system, or start a thread; under simulation the same workers are stepped by hand.

use std::collections::HashMap;
use std::sync::Arc;

use aft_engine::{Effect, Engine, Settings};
use aft_model::RelPath;
use aft_os::{Clock, ReadDir, StoreDir, Watch, WriteDir};
use aft_store::{Opened, Reader};
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use tracing::warn;

use super::super::actor::{Actor, Timers};
use super::super::boot::Boot;
use super::super::contents::Recent;
use super::super::errand::Runner;
use super::super::hints::SignalBox;
use super::super::inbox::Input;
use super::super::look::Looker;
use super::super::recover::recover;
use super::super::resume::resume;
use super::super::rules_cell::SharedRules;
use super::super::session_log;
use super::super::settling::{Settling, Unsettled};
use super::super::shared::Shared;
use super::super::sink::Sink;
use super::super::writer::{Group, Order, Scribe};
use super::super::writers::Trail;
use super::OpenError;
use crate::config::{Config, StoreConfig};

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
    let ((look, look_rx), (errand, errand_rx)) = (bounded(4), bounded(4));
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
        trail: Trail::default(),
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

fn settings(config: &Config, plan_key: [u8; 32]) -> Settings {
    let defaults = Settings::default();
    let settle_ns = u64::try_from(config.track.settle.0.as_nanos()).unwrap_or(defaults.settle_ns);
    Settings {
        settle_ns,
        plan_key,
        ..defaults
    }
}
