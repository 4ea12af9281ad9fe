//! The ignore rules that are in force, replaced whole when an ignore file changes, and those that were before.

use std::path::PathBuf;
use std::sync::Arc;

use aft_model::RelPath;
use aft_os::{ReadDir, StoreDir};
use parking_lot::{Mutex, RwLock};
use tracing::warn;

use crate::config::TrackConfig;
use crate::rules::{Basis, Rules, global_excludes};

/// Where the basis of the last walk's rules lies in the workspace's directory of the store, for the next start.
const FILE: &str = "rules.json";
const FILE_NEW: &str = "rules.new";
/// A longer file is none of ours.
const FILE_MAX: u64 = 64 << 20;

/// The rules in force. Who holds them while they are replaced goes on with the old ones.
#[derive(Clone)]
pub(crate) struct SharedRules(Arc<Cell>);

struct Cell {
    now: RwLock<Arc<Rules>>,
    /// In force at the last walk, where others are now.
    replaced: Mutex<Option<Arc<Rules>>>,
    walked: Mutex<Walked>,
    track: TrackConfig,
    nested: RwLock<Vec<RelPath>>,
    notes: Option<Arc<dyn StoreDir>>,
}

/// What the last walk went by, which may have been that of a daemon before.
struct Walked {
    basis: Basis,
    /// It is in the store as well.
    is_kept: bool,
}

/// What a walk goes by, and what the walk before went by.
pub(crate) struct WalkRules {
    pub(crate) now: Arc<Rules>,
    /// In force until they were replaced, where they were since the walk before.
    pub(crate) replaced: Option<Arc<Rules>>,
    /// What the rules of the walk before rested on.
    pub(crate) before: Basis,
}

impl SharedRules {
    /// `notes` is where the next start will look; without it, that start takes the rules to be the same.
    pub(crate) fn load(
        root: &dyn ReadDir,
        track: &TrackConfig,
        nested: &[RelPath],
        notes: Option<Arc<dyn StoreDir>>,
    ) -> Self {
        let now = Arc::new(load(root, track, nested));
        let kept = notes.as_deref().and_then(kept);
        let walked = Walked {
            is_kept: kept.is_some(),
            basis: kept.unwrap_or_else(|| now.basis().clone()),
        };
        Self(Arc::new(Cell {
            now: RwLock::new(now),
            replaced: Mutex::new(None),
            walked: Mutex::new(walked),
            track: track.clone(),
            nested: RwLock::new(nested.to_vec()),
            notes,
        }))
    }

    pub(crate) fn get(&self) -> Arc<Rules> {
        Arc::clone(&self.0.now.read())
    }

    /// The rules of the last walk, where they are not in force any more.
    pub(crate) fn replaced(&self) -> Option<Arc<Rules>> {
        self.0.replaced.lock().clone()
    }

    pub(crate) fn reload(&self, root: &dyn ReadDir) {
        let nested = self.0.nested.read().clone();
        let fresh = Arc::new(load(root, &self.0.track, &nested));
        let old = std::mem::replace(&mut *self.0.now.write(), fresh);
        self.0.replaced.lock().get_or_insert(old);
    }

    /// For a walk of the whole tree, which ends with [`Self::walked`].
    pub(crate) fn for_walk(&self) -> WalkRules {
        let replaced = self.0.replaced.lock().take();
        WalkRules {
            now: self.get(),
            replaced,
            before: self.0.walked.lock().basis.clone(),
        }
    }

    /// A walk went by `rules`.
    pub(crate) fn walked(&self, rules: &Rules) {
        let mut walked = self.0.walked.lock();
        if walked.basis != *rules.basis() {
            *walked = Walked {
                basis: rules.basis().clone(),
                is_kept: false,
            };
        }
    }

    /// To be called when all that the last walk found is durable: a basis that is kept too early would hide from the
    /// next start what the rules before had left out. `None` where it is kept already.
    pub(crate) fn keeping(&self) -> Option<impl FnOnce() + Send + use<>> {
        let notes = self.0.notes.clone()?;
        let mut walked = self.0.walked.lock();
        if std::mem::replace(&mut walked.is_kept, true) {
            return None;
        }
        let basis = walked.basis.clone();
        Some(move || {
            if let Err(error) = keep(&*notes, &basis) {
                warn!(%error, "the next start cannot tell which rules were in force");
            }
        })
    }

    /// Other workspaces are inside this one from here on.
    pub(crate) fn set_nested(&self, root: &dyn ReadDir, nested: Vec<RelPath>) {
        *self.0.nested.write() = nested;
        self.reload(root);
    }
}

/// Not synced: what a power cut takes away is a help, not a promise.
fn keep(notes: &dyn StoreDir, basis: &Basis) -> std::io::Result<()> {
    let bytes = serde_json::to_vec(basis).map_err(std::io::Error::other)?;
    let mut file = notes.append(FILE_NEW)?;
    file.truncate(0)?;
    file.append(&bytes)?;
    notes.rename(FILE_NEW, FILE)
}

fn kept(notes: &dyn StoreDir) -> Option<Basis> {
    let file = notes.read(FILE).ok()?;
    let len = file.len().ok().filter(|len| *len <= FILE_MAX)?;
    let mut bytes = vec![0; usize::try_from(len).ok()?];
    file.read_exact_at(&mut bytes, 0).ok()?;
    let basis = serde_json::from_slice(&bytes);
    if let Err(error) = &basis {
        warn!(%error, "the note of the rules before does not read and is ignored");
    }
    basis.ok()
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
