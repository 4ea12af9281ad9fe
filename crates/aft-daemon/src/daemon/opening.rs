//! How a registered workspace is opened, and what is said of one that cannot be.
//!
//! Does: read its configuration, leave alone what is inside and not its own, read the history of a root that is gone.
//! Does not: change the list of workspaces; `adding` does.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aft_model::{OperationId, RelPath};
use aft_os::store_dir::real::RealStoreDir;
use tracing::warn;

use super::roots::{is_replaced, nested_in};
use super::{AddError, Closed, Daemon};
use crate::causes::chain;
use crate::config::{self, Config, ConfigError};
use crate::registry::Record;
use crate::workspace::{self, OpenError, OpenOptions, Workspace};

impl Daemon {
    pub(super) fn open_one(
        &self,
        record: &Record,
        roots: &[PathBuf],
    ) -> Result<Arc<Workspace>, AddError> {
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
            at_work: self.at_work.clone(),
        })?;
        let workspace = Arc::new(workspace);
        self.set_up_checks(record, &workspace, &checked);
        Ok(workspace)
    }

    /// What is inside `root` and not its own: other workspaces, and the store.
    pub(super) fn left_alone(&self, root: &Path, roots: &[PathBuf]) -> Vec<RelPath> {
        let mut alone = nested_in(root, roots);
        alone.extend(self.store_within(root));
        alone
    }

    /// The store's place in this workspace, where it lies inside.
    pub(crate) fn store_within(&self, root: &Path) -> Option<RelPath> {
        nested_in(root, std::slice::from_ref(&self.home_path)).pop()
    }

    pub(super) fn closed(&self, record: &Record, error: &AddError) -> Closed {
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

    /// The newest operation of a history whose workspace is not open, or 0 where it cannot be read.
    pub(super) fn stored_head(&self, id: &str) -> OperationId {
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

    pub(super) fn store_of(&self, id: &str) -> PathBuf {
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
}
