//! Which workspaces there are: a small file in the store, replaced atomically.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use aft_model::WorkspaceId;
use aft_os::StoreDir;
use serde::{Deserialize, Serialize};

const FILE: &str = "workspaces.json";
/// Newest version of the list that is read, and the one that is written.
const VERSION: u32 = 1;

/// One registered workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Its id, also the name of its directory in the store.
    pub(crate) id: String,
    /// Its root; bytes, because a path need not be UTF-8.
    #[serde(with = "path_bytes")]
    pub(crate) root: PathBuf,
    /// What the user calls it.
    pub(crate) name: Option<String>,
    /// The root's inode when it was last open: a moved project is recognised by it.
    pub(crate) ino: u64,
    /// The root's device then. Device numbers may change at a reboot.
    pub(crate) dev: u64,
}

impl Record {
    pub(crate) fn workspace_id(&self) -> WorkspaceId {
        WorkspaceId(self.id.clone())
    }

    /// True where `wanted` is its root, id or name, and not a path inside.
    pub(crate) fn is_called(&self, wanted: &[u8]) -> bool {
        let name = self.name.as_deref().map(str::as_bytes);
        self.root == Path::new(std::ffi::OsStr::from_bytes(wanted))
            || self.id.as_bytes() == wanted
            || name == Some(wanted)
    }
}

#[derive(Default, Serialize, Deserialize)]
struct File {
    version: u32,
    workspaces: Vec<Record>,
    /// No longer watched; their histories are kept, and go on when they are watched again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unwatched: Vec<Record>,
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

/// Everything the list knows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registered {
    /// Watched.
    pub(crate) watched: Vec<Record>,
    /// No longer watched, with a history that is kept.
    pub(crate) unwatched: Vec<Record>,
}

/// Why the list cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// I/O.
    #[error("cannot read or write {FILE}")]
    Io(#[from] std::io::Error),
    /// It is not what this program writes.
    #[error(
        "{FILE} is damaged; move it away and run `aft watch` on each project again, their histories are found by directory"
    )]
    Damaged(#[from] serde_json::Error),
    /// A newer program wrote it.
    #[error(
        "{FILE} has version {found}, this program knows up to {known}; upgrade aft, or set AFT_HOME to another store"
    )]
    Newer {
        /// Its version.
        found: u32,
        /// The newest that this program knows.
        known: u32,
    },
}

/// Reads the list; none where the file is missing.
pub(crate) fn load(home: &dyn StoreDir) -> Result<Registered, RegistryError> {
    if !home.list()?.iter().any(|name| name == FILE) {
        return Ok(Registered::default());
    }
    let file = home.read(FILE)?;
    let len = usize::try_from(file.len()?.min(64 << 20)).unwrap_or(0);
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, 0)?;
    // Looked at first: what a newer program added would be taken for damage, or lost with the next change.
    let Version { version } = serde_json::from_slice(&bytes)?;
    if version > VERSION {
        return Err(RegistryError::Newer {
            found: version,
            known: VERSION,
        });
    }
    let file = serde_json::from_slice::<File>(&bytes)?;
    Ok(Registered {
        watched: file.workspaces,
        unwatched: file.unwatched,
    })
}

/// Replaces the list.
pub(crate) fn save(home: &dyn StoreDir, all: Registered) -> Result<(), RegistryError> {
    let file = File {
        version: VERSION,
        workspaces: all.watched,
        unwatched: all.unwatched,
    };
    home.replace(FILE, &serde_json::to_vec_pretty(&file)?)?;
    Ok(())
}

/// The record a client means: by a path that its root holds, the deepest, or by its id, or by its name.
pub(crate) fn meant<'a>(
    records: impl Iterator<Item = &'a Record> + Clone,
    wanted: &[u8],
) -> Option<&'a Record> {
    if wanted.first() == Some(&b'/') {
        return holding(records, Path::new(std::ffi::OsStr::from_bytes(wanted)));
    }
    let mut by_id = records
        .clone()
        .filter(|record| record.id.as_bytes() == wanted);
    by_id
        .next()
        .or_else(|| records.into_iter().find(|record| record.is_called(wanted)))
}

/// The deepest record whose root holds `path`.
fn holding<'a>(records: impl Iterator<Item = &'a Record>, path: &Path) -> Option<&'a Record> {
    records
        .filter(|record| path.starts_with(&record.root))
        .max_by_key(|record| record.root.as_os_str().len())
}

mod path_bytes {
    use std::ffi::OsString;
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    use std::path::{Path, PathBuf};

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Wire {
        Text(String),
        Bytes(Vec<u8>),
    }

    pub(super) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        match path.to_str() {
            Some(text) => Wire::Text(text.to_owned()).serialize(serializer),
            None => Wire::Bytes(path.as_os_str().as_bytes().to_vec()).serialize(serializer),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<PathBuf, D::Error> {
        Ok(match Wire::deserialize(deserializer)? {
            Wire::Text(text) => PathBuf::from(text),
            Wire::Bytes(bytes) => PathBuf::from(OsString::from_vec(bytes)),
        })
    }
}

#[cfg(test)]
mod tests;
