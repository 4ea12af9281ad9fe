//! The daemon's own state: which workspaces are open, and what every connection shares.

mod besides;
mod checking;
mod known;
mod purge;
mod roots;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aft_model::{OperationId, RelPath, WorkspaceId};
use aft_os::Clock;
use aft_os::store_dir::real::RealStoreDir;
use aft_rpc::Paths;
use parking_lot::{Mutex, RwLock};
use tracing::{error, info, warn};

use crate::audit::Audit;
use crate::config::{self, Config, ConfigError, DaemonConfig};
use crate::memory::Memory;
use crate::registry::{self, Record, Registered, RegistryError};
use crate::serve::refusals::Refusals;
use crate::serve::room::Room;
use crate::serve::unsent::Unsent;
use crate::workspace::{self, Budget, Input, OpenError, OpenOptions, SessionCaches, Workspace};
use roots::{identity_of, is_replaced, nested_in, not_a_root};

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

/// Why a directory cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// There is no such directory.
    #[error("`{0}` is not a directory; name one that exists")]
    NotADirectory(PathBuf),
    /// It cannot be opened.
    #[error("cannot open `{path}`")]
    Root {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// `/` or the home directory.
    #[error("`{0}` is too much to watch by accident; use --force if you mean it")]
    TooMuch(PathBuf),
    /// The store lies in it.
    #[error(
        "the store lies inside `{0}`; set AFT_HOME to a directory outside, or use --force to watch everything but the store"
    )]
    HoldsStore(PathBuf),
    /// It lies in the store.
    #[error(
        "`{0}` lies inside the store, which cannot record itself; set AFT_HOME to another directory"
    )]
    InStore(PathBuf),
    /// The configuration is wrong.
    #[error("the configuration is wrong")]
    Config(#[from] ConfigError),
    /// Another directory than the one that was watched.
    #[error("`{0}` is another directory than the one that was watched")]
    Replaced(PathBuf),
    /// It cannot be opened as a workspace.
    #[error("cannot watch the directory")]
    Open(#[from] OpenError),
    /// The list of workspaces cannot be written.
    #[error("cannot keep the list of workspaces")]
    Registry(#[from] RegistryError),
}

/// What adding did.
pub(crate) struct Added {
    pub(crate) record: Record,
    pub(crate) workspace: Arc<Workspace>,
    pub(crate) created: bool,
    pub(crate) moved_from: Option<PathBuf>,
    pub(crate) notes: Vec<String>,
}

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

    fn open_one(&self, record: &Record, roots: &[PathBuf]) -> Result<Arc<Workspace>, AddError> {
        if is_replaced(record) {
            return Err(AddError::Replaced(record.root.clone()));
        }
        let config = self.config_for(&record.root)?;
        let checked = config.clone();
        let workspace = workspace::open(OpenOptions {
            id: record.workspace_id(),
            root: record.root.clone(),
            store: self.store_of(&record.id),
            nested: self.left_alone(&record.root, roots),
            config,
            clock: Arc::clone(&self.clock),
            l2: self.caches.join(),
            budget: Arc::clone(&self.budget),
        })?;
        let workspace = Arc::new(workspace);
        self.set_up_checks(record, &workspace, &checked);
        Ok(workspace)
    }

    /// What is inside `root` and not its own: other workspaces, and the store.
    fn left_alone(&self, root: &Path, roots: &[PathBuf]) -> Vec<RelPath> {
        let mut alone = nested_in(root, roots);
        alone.extend(self.store_within(root));
        alone
    }

    /// The store's place in this workspace, where it lies inside.
    pub(crate) fn store_within(&self, root: &Path) -> Option<RelPath> {
        nested_in(root, std::slice::from_ref(&self.home_path)).pop()
    }

    fn closed(&self, record: &Record, error: &AddError) -> Closed {
        let root_gone = matches!(
            error,
            AddError::Open(OpenError::Root { .. }) | AddError::Replaced(_)
        );
        let history = root_gone.then(|| self.history_of(record)).flatten();
        let head = match &history {
            Some(history) => history.reader.head(),
            None => self.stored_head(&record.id),
        };
        Closed {
            reason: chain(error),
            root_gone,
            head,
            history,
        }
    }

    fn history_of(&self, record: &Record) -> Option<Arc<Workspace>> {
        let (id, store) = (record.workspace_id(), self.store_of(&record.id));
        let secrets = self.config_for(&record.root).unwrap_or_default().track;
        let secrets = secrets.sealed_names();
        match workspace::open_history(id, record.root.clone(), &store, secrets) {
            Ok(history) => Some(Arc::new(history)),
            Err(error) => {
                warn!(workspace = record.id, error = %chain(&error), "a history cannot be read");
                None
            }
        }
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

    /// The newest operation of a history whose workspace is not open, or 0 where it cannot be read.
    fn stored_head(&self, id: &str) -> OperationId {
        let head = || -> Result<OperationId, Box<dyn std::error::Error>> {
            let dir = RealStoreDir::open(&self.store_of(id), false)?;
            let opened = aft_store::open(Arc::new(dir), &aft_store::Options::default())?;
            let head = opened.reader.head();
            // After a power cut the next start must still know of it: it decides how an open intent is finished.
            if !opened.recovery.unclean {
                opened.writer.close()?;
            }
            Ok(head)
        };
        head().unwrap_or_else(|error| {
            warn!(workspace = id, error = %chain(error.as_ref()), "a history cannot be read");
            OperationId::NONE
        })
    }

    fn store_of(&self, id: &str) -> PathBuf {
        self.paths.home.join("workspaces").join(id)
    }

    fn config_for(&self, root: &Path) -> Result<Config, ConfigError> {
        let user = config::read_user(&self.paths.config)?;
        let own = match aft_os::fs::real::RealRoot::open(root) {
            Ok(root) => config::read_workspace(&root)?,
            // A root that is gone is the workspace's matter, not the configuration's.
            Err(_) => None,
        };
        Config::from_sources(user.as_ref(), own.as_ref())
    }

    /// Watches `root`, or says that it is watched; takes over the history of a project that was moved there.
    pub(crate) fn add(
        &self,
        root: &Path,
        name: Option<String>,
        force: bool,
    ) -> Result<Added, AddError> {
        let _changing = self.changing.lock();
        let root = root
            .canonicalize()
            .map_err(|source| not_a_root(root, source))?;
        let identity = identity_of(&root).map_err(|source| not_a_root(&root, source))?;
        if let Some(added) = self.already_there(&root, identity.ino) {
            return Ok(added);
        }
        self.refuse_unwise(&root, force)?;
        let moved = self.moved_here(&root, identity.ino, identity.dev);
        let created = moved.is_none();
        let moved_from = moved
            .as_ref()
            .map(|record| record.root.clone())
            .filter(|old| *old != root);
        let mut record = moved.unwrap_or_else(|| Record {
            id: new_id(),
            root: root.clone(),
            name: None,
            ino: identity.ino,
            dev: identity.dev,
        });
        record = Record {
            root: root.clone(),
            ino: identity.ino,
            dev: identity.dev,
            name: name.or(record.name),
            ..record
        };
        let before = self.close_entry(&record.workspace_id());
        let mut roots = self.roots();
        roots.push(root.clone());
        let workspace = match self.open_one(&record, &roots) {
            Ok(workspace) => workspace,
            Err(error) => {
                self.keep_closed(before, &error);
                return Err(error);
            }
        };
        let entry = Entry {
            record: record.clone(),
            open: Ok(Arc::clone(&workspace)),
        };
        self.entries.write().insert(record.workspace_id(), entry);
        self.tell_registered();
        self.unwatched.lock().retain(|kept| kept.id != record.id);
        self.save()?;
        self.tell_outer(&root);
        let notes = self.nesting_notes(&root, &record);
        info!(workspace = record.id, root = %root.display(), created, "workspace added");
        Ok(Added {
            record,
            workspace,
            created,
            moved_from,
            notes,
        })
    }

    /// A workspace that was watched and could not be opened anew is still known, with the reason.
    fn keep_closed(&self, before: Option<Record>, error: &AddError) {
        if let Some(record) = before {
            let open = Err(self.closed(&record, error));
            self.entries
                .write()
                .insert(record.workspace_id(), Entry { record, open });
        }
        self.tell_registered();
    }

    fn already_there(&self, root: &Path, ino: u64) -> Option<Added> {
        let entries = self.entries.read();
        let entry = entries
            .values()
            .find(|entry| entry.record.root == root && entry.record.ino == ino)?;
        let workspace = Arc::clone(entry.open.as_ref().ok()?);
        let record = entry.record.clone();
        Some(Added {
            record,
            workspace,
            created: false,
            moved_from: None,
            notes: Vec::new(),
        })
    }

    fn refuse_unwise(&self, root: &Path, force: bool) -> Result<(), AddError> {
        let home = std::env::var_os("HOME")
            .map(PathBuf::from)
            .and_then(|home| home.canonicalize().ok());
        if !force && (root == Path::new("/") || home.is_some_and(|home| home == root)) {
            return Err(AddError::TooMuch(root.to_owned()));
        }
        if root.starts_with(&self.home_path) {
            return Err(AddError::InStore(root.to_owned()));
        }
        if !force && self.home_path.starts_with(root) {
            return Err(AddError::HoldsStore(root.to_owned()));
        }
        Ok(())
    }

    /// A workspace, watched or not, whose root is this very directory under another name, or this name with
    /// another directory: its history goes on here.
    fn moved_here(&self, root: &Path, ino: u64, dev: u64) -> Option<Record> {
        let (entries, unwatched) = (self.entries.read(), self.unwatched.lock());
        let watched = || entries.values().map(|entry| &entry.record);
        let records = || watched().chain(unwatched.iter());
        let same_name = records().find(|record| record.root == root);
        let moved = || {
            records().find(|record| record.ino == ino && record.dev == dev && !record.root.is_dir())
        };
        same_name.or_else(moved).cloned()
    }

    fn nesting_notes(&self, root: &Path, own: &Record) -> Vec<String> {
        let mut notes = Vec::new();
        for entry in self
            .entries
            .read()
            .values()
            .filter(|entry| entry.record.id != own.id)
        {
            let other = &entry.record.root;
            if other.starts_with(root) {
                notes.push(format!(
                    "`{}` is a workspace of its own and is left alone here",
                    other.display()
                ));
            } else if root.starts_with(other) {
                notes.push(format!(
                    "the outer workspace `{}` leaves this directory alone from now on",
                    other.display()
                ));
            }
        }
        notes
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

/// 16 random bytes from the kernel as hexadecimal digits.
pub(crate) fn new_id() -> String {
    let mut bytes = [0_u8; 16];
    let filled = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    if filled.is_err() {
        error!("the kernel gives no random bytes");
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An error with its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
