//! The daemon's own state: which workspaces are open, and what every connection shares.

mod adding;
mod besides;
mod checking;
mod known;
mod opening;
mod purge;
mod roots;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aft_model::{OperationId, WorkspaceId};
use aft_os::Clock;
use aft_os::store_dir::real::RealStoreDir;
use aft_rpc::Paths;
use parking_lot::{Mutex, RwLock};
use tracing::{error, warn};

use crate::audit::Audit;
use crate::config::DaemonConfig;
use crate::memory::Memory;
use crate::registry::{self, Record, Registered, RegistryError};
use crate::serve::refusals::Refusals;
use crate::serve::room::Room;
use crate::serve::unsent::Unsent;
use crate::workspace::{AtWork, Budget, Input, SessionCaches, Workspace};
pub use adding::AddError;
use roots::is_replaced;

/// A registered workspace: open, or why it is not.
pub(crate) struct Entry {
    pub(crate) record: Record,
    pub(crate) open: Result<Arc<Workspace>, Closed>,
}

/// A workspace that is not open.
#[derive(Clone)]
pub(crate) struct Closed {
    /// Why, in words.
    pub(crate) reason: String,
    /// Its root is not there, or is not what it was; its history is whole.
    pub(crate) root_gone: bool,
    /// The newest operation of its history, as far as that can be read.
    pub(crate) head: OperationId,
    /// With a root that is gone: its history, which can be read all the same.
    pub(crate) history: Option<Arc<Workspace>>,
}

/// Everything the connections share.
pub struct Daemon {
    pub(crate) paths: Paths,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) instance: String,
    pub(crate) started_ns: i64,
    pub(crate) room: Arc<Room>,
    /// Room for answers that were not sent yet.
    pub(crate) unsent: Unsent,
    /// Rises when a workspace was added, opened or removed.
    pub(crate) registered: tokio::sync::watch::Sender<u64>,
    /// Refused calls that have no line in the audit log yet.
    pub(crate) refusals: Refusals,
    pub(crate) stopping: tokio::sync::watch::Sender<bool>,
    /// L2 over all workspaces.
    pub(crate) caches: Arc<SessionCaches>,
    /// What was last seen of the process's memory.
    pub(crate) memory: Arc<Memory>,
    /// Who changed what, over all workspaces.
    pub(crate) audit: Audit,
    /// What all histories may take together.
    budget: Arc<Budget>,
    /// Who is at work, in any workspace.
    at_work: AtWork,
    home: RealStoreDir,
    /// The store's directory under its real name.
    home_path: PathBuf,
    entries: RwLock<BTreeMap<WorkspaceId, Entry>>,
    /// No longer watched; their histories go on when they are watched again.
    unwatched: Mutex<Vec<Record>>,
    /// Serialises adding and removing; never held while a request is answered.
    changing: Mutex<()>,
}

pub(crate) use purge::PurgeFailure;

impl Daemon {
    /// The daemon over `home`. Opens nothing yet.
    pub(crate) fn new(
        paths: Paths,
        home: RealStoreDir,
        clock: Arc<dyn Clock>,
        config: &DaemonConfig,
    ) -> Self {
        let started_ns = clock.wall_ns();
        let home_path = paths
            .home
            .canonicalize()
            .unwrap_or_else(|_| paths.home.clone());
        let instance = format!("{:x}-{:x}", std::process::id(), started_ns);
        let audit = audit_in(&home_path, config, Arc::clone(&clock));
        Self {
            paths,
            clock,
            instance,
            started_ns,
            room: Arc::default(),
            unsent: Unsent::default(),
            registered: tokio::sync::watch::Sender::new(0),
            refusals: Refusals::default(),
            stopping: tokio::sync::watch::Sender::new(false),
            caches: Arc::new(SessionCaches::new(config)),
            memory: Arc::new(Memory::new(config)),
            audit,
            budget: Arc::default(),
            at_work: AtWork::default(),
            home,
            home_path,
            entries: RwLock::new(BTreeMap::new()),
            unwatched: Mutex::new(Vec::new()),
            changing: Mutex::new(()),
        }
    }

    /// Opens every registered workspace. One that cannot be opened is kept with its reason.
    pub(crate) fn open_all(&self) -> Result<(), RegistryError> {
        let registered = registry::load(&self.home)?;
        *self.unwatched.lock() = registered.unwatched;
        let records = registered.watched;
        let roots: Vec<PathBuf> = records.iter().map(|record| record.root.clone()).collect();
        for record in records {
            let open = self
                .open_one(&record, &roots)
                .map_err(|error| self.closed(&record, &error));
            if let Err(Closed { reason, .. }) = &open {
                error!(workspace = record.id, root = %record.root.display(), reason, "a workspace cannot be opened");
            }
            self.entries
                .write()
                .insert(record.workspace_id(), Entry { record, open });
            self.tell_registered();
        }
        self.measure_besides();
        Ok(())
    }

    /// Opens a workspace whose root was not there when the daemon started, where it is now.
    pub(crate) fn reopen(&self, record: &Record) {
        if !record.root.is_dir() || is_replaced(record) {
            return;
        }
        let _changing = self.changing.lock();
        let id = record.workspace_id();
        let is_gone = |entry: &Entry| matches!(&entry.open, Err(closed) if closed.root_gone);
        if !self.entries.read().get(&id).is_some_and(is_gone) {
            return;
        }
        self.close_entry(&id);
        let mut roots = self.roots();
        roots.push(record.root.clone());
        let open = self.open_one(record, &roots);
        let open = open.map_err(|error| self.closed(record, &error));
        let record = record.clone();
        self.entries.write().insert(id, Entry { record, open });
        self.tell_registered();
    }

    /// The workspaces that hold `root` leave it alone, or take it back, from here on.
    fn tell_outer(&self, root: &Path) {
        let roots = self.roots();
        for entry in self.entries.read().values() {
            let outer = &entry.record.root;
            if let (Ok(workspace), true) = (&entry.open, outer != root && root.starts_with(outer)) {
                // One that is being closed learns it when it is opened again.
                drop(workspace.ask(Input::Nested(self.left_alone(outer, &roots))));
            }
        }
    }

    fn roots(&self) -> Vec<PathBuf> {
        self.entries
            .read()
            .values()
            .map(|entry| entry.record.root.clone())
            .collect()
    }

    fn save(&self) -> Result<(), RegistryError> {
        let watched = self.entries.read();
        let all = Registered {
            watched: watched.values().map(|entry| entry.record.clone()).collect(),
            unwatched: self.unwatched.lock().clone(),
        };
        drop(watched);
        self.measure_besides();
        registry::save(&self.home, all)
    }

    fn close_entry(&self, id: &WorkspaceId) -> Option<Record> {
        let closed = self.entries.write().remove(id)?;
        if let Ok(workspace) = closed.open {
            workspace.close();
        }
        Some(closed.record)
    }

    /// Stops watching; with `purge` deletes the history, else it is kept for when it is watched again.
    pub(crate) fn remove(&self, id: &WorkspaceId, purge: bool) -> Result<(), RegistryError> {
        let _changing = self.changing.lock();
        let closed = self.close_entry(id);
        self.tell_registered();
        let root = closed.as_ref().map(|record| record.root.clone());
        if purge {
            self.unwatched.lock().retain(|kept| kept.id != id.0);
        } else {
            self.unwatched.lock().extend(closed);
        }
        self.save()?;
        if let Some(root) = root {
            self.tell_outer(&root);
        }
        if purge {
            aft_os::home::remove_private_tree(&self.store_of(&id.0))?;
            self.measure_besides();
        }
        Ok(())
    }

    /// The workspace that [`Self::remove`] is to take, with its newest operation. To purge, a history that is no
    /// longer watched counts as well, unless only its name is near: it must be named itself, or nothing
    /// watched holds the path.
    pub(crate) fn to_remove(&self, wanted: &[u8], purge: bool) -> Option<(Record, OperationId)> {
        let watched = self.resolve(wanted);
        let unwatched = registry::meant(self.unwatched.lock().iter(), wanted).cloned();
        let is_itself = |record: &Record| record.is_called(wanted);
        match (watched, unwatched.filter(|_| purge)) {
            (Some((record, open)), left)
                if is_itself(&record) || !left.as_ref().is_some_and(is_itself) =>
            {
                let head = open.map_or_else(|closed| closed.head, |open| open.reader.head());
                Some((record, head))
            }
            (_, Some(left)) => {
                // Nobody may open it at the same time.
                let _changing = self.changing.lock();
                let head = self.stored_head(&left.id);
                Some((left, head))
            }
            (_, None) => None,
        }
    }

    /// Closes every workspace in good order.
    pub(crate) fn close_all(&self) {
        let entries = std::mem::take(&mut *self.entries.write());
        for entry in entries.into_values() {
            match entry.open {
                Ok(workspace) => workspace.close(),
                Err(Closed { reason, .. }) => {
                    warn!(workspace = entry.record.id, reason, "was never open")
                }
            }
        }
    }
}

/// The audit log of this home. Its directory is made by the first entry.
fn audit_in(home: &Path, config: &DaemonConfig, clock: Arc<dyn Clock>) -> Audit {
    let dir = home.join("audit");
    let open = move || Ok(Arc::new(RealStoreDir::open(&dir, true)?) as Arc<dyn aft_os::StoreDir>);
    Audit::new(Arc::new(open), config.audit_max.0, clock)
}
