//! Whether the system went down since the workspace was open, and which signatures prove nothing then.
//!
//! A power cut can leave a file with the time stamps of its last write and the bytes from before it: the one was written
//! and the other was not. Its signature then says that nothing has changed. Does not look at files.

use std::sync::Arc;

use aft_model::{Known, RelPath};
use aft_os::StoreDir;
use tracing::warn;

/// Where the last boot's id lies in the workspace's directory of the store.
const FILE: &str = "boot";
const FILE_NEW: &str = "boot.new";
/// A longer file is none of ours.
const FILE_MAX: u64 = 256;
/// What was written longer ago than this is on disk: four times what a system waits by default.
const WRITTEN_BACK_NS: i64 = 120_000_000_000;

/// The boot of the system that runs, and the note of the one in which the newest tree was saved.
pub(crate) struct Boot {
    notes: Arc<dyn StoreDir>,
    id: Option<String>,
}

impl Boot {
    pub(crate) fn new(notes: Arc<dyn StoreDir>, id: Option<String>) -> Self {
        Self { notes, id }
    }

    /// True where the newest saved tree is of this boot. A note that a power cut takes away, or that names another
    /// boot, only costs reading more.
    pub(crate) fn is_same(&self) -> bool {
        let noted = self.noted();
        let id = self.id.as_ref().map(String::as_bytes);
        id.is_some() && noted.as_deref() == id
    }

    /// The newest tree was saved, after a walk in this boot.
    pub(crate) fn note(&self) {
        if !self.is_same()
            && let Some(id) = &self.id
            && let Err(error) = self.write(id.as_bytes())
        {
            warn!(%error, "the next start will not know that the system was up all the time");
        }
    }

    fn write(&self, id: &[u8]) -> std::io::Result<()> {
        let mut file = self.notes.append(FILE_NEW)?;
        file.truncate(0)?;
        file.append(id)?;
        self.notes.rename(FILE_NEW, FILE)
    }

    fn noted(&self) -> Option<Vec<u8>> {
        let file = self.notes.read(FILE).ok()?;
        let len = file.len().ok().filter(|len| *len <= FILE_MAX)?;
        let mut bytes = vec![0; usize::try_from(len).ok()?];
        file.read_exact_at(&mut bytes, 0).ok()?;
        Some(bytes)
    }
}

/// Takes the signatures away of what may not have been on disk when these entries were saved, which was not before the
/// newest of them was written.
pub(crate) fn doubt(entries: &mut [(RelPath, Known)]) {
    let newest = |known: &Known| {
        let stat = known.stat?;
        Some(stat.mtime_ns.max(stat.ctime_ns))
    };
    let saved = entries.iter().filter_map(|(_, known)| newest(known)).max();
    let Some(since) = saved.map(|saved| saved.saturating_sub(WRITTEN_BACK_NS)) else {
        return;
    };
    for (_, known) in entries {
        if newest(known).is_some_and(|newest| newest >= since) {
            known.stat = None;
        }
    }
}
