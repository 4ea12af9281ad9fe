//! The ignore rules that are in force, replaced whole when an ignore file changes.

use std::path::PathBuf;
use std::sync::Arc;

use aft_model::RelPath;
use aft_os::ReadDir;
use parking_lot::{Mutex, RwLock};

use crate::config::TrackConfig;
use crate::rules::{Rules, global_excludes};

/// The rules in force. Who holds them while they are replaced goes on with the old ones.
#[derive(Clone)]
pub(crate) struct SharedRules(Arc<Cell>);

struct Cell {
    now: RwLock<Arc<Rules>>,
    /// In force at the last walk, where others are now.
    replaced: Mutex<Option<Arc<Rules>>>,
    track: TrackConfig,
    nested: RwLock<Vec<RelPath>>,
}

impl SharedRules {
    pub(crate) fn load(root: &dyn ReadDir, track: &TrackConfig, nested: &[RelPath]) -> Self {
        let now = Arc::new(load(root, track, nested));
        Self(Arc::new(Cell {
            now: RwLock::new(now),
            replaced: Mutex::new(None),
            track: track.clone(),
            nested: RwLock::new(nested.to_vec()),
        }))
    }

    pub(crate) fn get(&self) -> Arc<Rules> {
        Arc::clone(&self.0.now.read())
    }

    pub(crate) fn reload(&self, root: &dyn ReadDir) {
        let nested = self.0.nested.read().clone();
        let fresh = Arc::new(load(root, &self.0.track, &nested));
        let old = std::mem::replace(&mut *self.0.now.write(), fresh);
        self.0.replaced.lock().get_or_insert(old);
    }

    /// The rules for a walk of the whole tree, and those that were in force at the walk before where they were others.
    pub(crate) fn for_walk(&self) -> (Arc<Rules>, Option<Arc<Rules>>) {
        let replaced = self.0.replaced.lock().take();
        (self.get(), replaced)
    }

    /// Other workspaces are inside this one from here on.
    pub(crate) fn set_nested(&self, root: &dyn ReadDir, nested: Vec<RelPath>) {
        *self.0.nested.write() = nested;
        self.reload(root);
    }
}

fn load(root: &dyn ReadDir, track: &TrackConfig, nested: &[RelPath]) -> Rules {
    let variable = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let config_home = variable("XDG_CONFIG_HOME");
    let global = variable("HOME").and_then(|home| global_excludes(&home, config_home.as_deref()));
    let texts: Vec<&[u8]> = global.iter().map(Vec::as_slice).collect();
    Rules::load(root, &texts, nested, track)
}
