//! How a directory becomes a workspace.
//!
//! Does: refuse what nobody can mean, take over the history of a project that was moved, tell the workspaces around it.
//! Does not: open it; `opening` does.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::info;

use super::roots::{identity_of, not_a_root};
use super::{Daemon, Entry};
use crate::config::ConfigError;
use crate::ids::new_id;
use crate::registry::{Record, RegistryError};
use crate::workspace::{OpenError, Workspace};

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
}
