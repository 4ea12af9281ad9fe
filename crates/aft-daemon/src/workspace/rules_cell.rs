//! The ignore rules that are in force, replaced whole when an ignore file changes.

use std::path::PathBuf;
use std::sync::Arc;

use aft_model::RelPath;
use aft_os::ReadDir;
use parking_lot::RwLock;

use crate::config::TrackConfig;
use crate::rules::{Rules, global_excludes};

/// The rules in force. Who holds them while they are replaced goes on with the old ones.
#[derive(Clone)]
pub(crate) struct SharedRules(Arc<Cell>);

struct Cell {
    now: RwLock<Arc<Rules>>,
    track: TrackConfig,
    nested: RwLock<Vec<RelPath>>,
}

impl SharedRules {
    pub(crate) fn load(root: &dyn ReadDir, track: &TrackConfig, nested: &[RelPath]) -> Self {
        let now = Arc::new(load(root, track, nested));
        Self(Arc::new(Cell {
            now: RwLock::new(now),
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
        *self.0.now.write() = fresh;
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
