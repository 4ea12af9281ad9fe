//! Proving that a path and its contents are nowhere in a store.
//!
//! Does: read every file of the store back, byte by byte and record by record, decompressed, and tell where the path or
//! one of the contents is found.
//! Does not: call it a trace of the path where another file's content mentions its name.

use std::collections::HashSet;

use aft_model::{ContentId, OperationId, RelPath};
use aft_os::StoreDir;

use super::{Reader, baseline_entries, changes_of_part, operation_of, undecodable};
use crate::entry::{body, salted};
use crate::error::ReadError;
use crate::frame::{CrcSeed, Kind};
use crate::records::{ChangeV1, ChangesV1, IntentV1};
use crate::recover::list_segments;
use crate::segment::{self, Walker};
use crate::shared::Record;

/// Places told.
const FOUND_MAX: usize = 100;
/// A shorter name is in any large file by chance; only paths are compared with it then.
const TEXT_MIN: usize = 5;

/// What reading everything back found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// Records read.
    pub records: u64,
    /// Bytes searched.
    pub bytes: u64,
    /// Where something was found.
    pub found: Vec<String>,
}

struct Search<'a> {
    path: &'a RelPath,
    /// Contents that must be gone.
    contents: HashSet<[u8; 32]>,
    /// The first two bytes of their ids.
    begins: Vec<bool>,
    /// The path may be searched for as text.
    as_text: bool,
    proof: Proof,
}

impl Reader {
    /// Searches for `path` and for those of `contents` that are not held, which is to say that only it had them.
    ///
    /// # Errors
    /// [`ReadError`] where something cannot be read, and so nothing is proven.
    pub fn prove_gone<'a>(
        &self,
        path: &RelPath,
        contents: impl IntoIterator<Item = &'a ContentId>,
    ) -> Result<Proof, ReadError> {
        let shared = self.shared();
        let mut gone = HashSet::new();
        for id in contents {
            if shared.find_content(id)?.is_none() {
                gone.insert(id.0);
            }
        }
        let mut begins = vec![false; 1 << 16];
        for id in &gone {
            if let Some(slot) = begins.get_mut(slot_of(id)) {
                *slot = true;
            }
        }
        let mut search = Search {
            path,
            contents: gone,
            begins,
            as_text: path.as_bytes().len() >= TEXT_MIN && !self.is_part_of_another(path)?,
            proof: Proof::default(),
        };
        let unreadable =
            |error: crate::OpenError| ReadError::corrupt("a segment", error.to_string());
        for info in list_segments(&*shared.dir).map_err(unreadable)? {
            let name = segment::file_name(info.number);
            let bytes =
                segment::read_rest(&*shared.dir, info.number, info.start).map_err(unreadable)?;
            search.ids(&bytes, &name);
            let walker = Walker {
                segment: info.number,
                seed: CrcSeed::new(&shared.store, info.number),
                bytes: &bytes,
                base: info.start,
                vouched_whole: true,
            };
            for found in walker.walk().map_err(unreadable)?.records {
                let payload = bytes.get(found.payload).unwrap_or_default().to_vec();
                let kind = found.kind;
                search.record(&Record { kind, payload }, &name)?;
            }
        }
        for name in shared.dir.list().map_err(ReadError::Io)? {
            if segment::number_of(&name).is_none() {
                search.file(&*shared.dir, &name)?;
            }
        }
        Ok(search.proof)
    }

    /// True where another path that is known has this one's text in it.
    fn is_part_of_another(&self, path: &RelPath) -> Result<bool, ReadError> {
        self.shared().index.read(|connection| {
            let mut ask = connection
                .prepare_cached("SELECT 1 FROM paths WHERE instr(path, ?1) > 0 LIMIT 1")?;
            Ok(ask.exists([path.as_bytes()])?)
        })
    }
}

fn slot_of(id: &[u8]) -> usize {
    id.first_chunk::<2>()
        .map_or(0, |two| usize::from(u16::from_le_bytes(*two)))
}

impl Search<'_> {
    fn found(&mut self, what: String) {
        if self.proof.found.len() < FOUND_MAX {
            self.proof.found.push(what);
        }
    }

    /// Ids of contents, as bytes.
    fn ids(&mut self, bytes: &[u8], name: &str) {
        self.proof.bytes += bytes.len() as u64;
        if self.contents.is_empty() {
            return;
        }
        let mut hits = Vec::new();
        for window in bytes.windows(32) {
            if self.begins.get(slot_of(window)).copied().unwrap_or(false)
                && let Some(id) = window.first_chunk::<32>()
                && self.contents.contains(id)
            {
                hits.push(ContentId(*id));
            }
        }
        for id in hits {
            self.found(format!("the id of content {id} in {name}"));
        }
    }

    fn text(&mut self, bytes: &[u8], name: &str) {
        let text = self.path.as_bytes();
        if self.as_text && bytes.windows(text.len()).any(|window| window == text) {
            self.found(format!("the path's text in {name}"));
        }
    }

    fn file(&mut self, dir: &dyn StoreDir, name: &str) -> Result<(), ReadError> {
        // A directory beside the files is none of the store's.
        let Ok(file) = dir.read(name) else {
            return Ok(());
        };
        let len = file.len().map_err(ReadError::Io)?;
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        if file.read_exact_at(&mut bytes, 0).is_err() {
            return Ok(());
        }
        self.ids(&bytes, name);
        self.text(&bytes, name);
        Ok(())
    }

    fn record(&mut self, record: &Record, name: &str) -> Result<(), ReadError> {
        self.proof.records += 1;
        let wrong = |e: &crate::records::RecordError| undecodable("record", e);
        match record.kind {
            Kind::Operation | Kind::Composed => {
                let operation = operation_of(record).map_err(|e| wrong(&e))?;
                self.changes(operation.id, &operation.changes);
            }
            Kind::Intent => {
                let intent: IntentV1 = salted(&record.payload).map_err(|e| wrong(&e))?;
                self.changes(intent.operation.id, &intent.operation.changes);
            }
            Kind::Part => {
                let (id, changes) = changes_of_part(&record.payload).map_err(|e| wrong(&e))?;
                self.changes(id, &ChangesV1::Inline(changes));
            }
            Kind::BaselinePart => {
                for (path, known) in baseline_entries(&record.payload)? {
                    let content = known.state.content().map(|id| id.0);
                    self.path(0, &path, content);
                }
            }
            Kind::Checkpoint
            | Kind::CheckpointDeleted
            | Kind::Audit
            | Kind::Work
            | Kind::Verdict => {
                let text = body(&record.payload).map_err(|e| wrong(&e))?.to_vec();
                self.text(&text, &format!("a {:?} record of {name}", record.kind));
            }
            _ => {}
        }
        Ok(())
    }

    fn changes(&mut self, operation: u64, changes: &ChangesV1) {
        let (ChangesV1::Inline(all) | ChangesV1::Parts { first: all, .. }) = changes else {
            return;
        };
        for change in all {
            let ChangeV1 {
                path, renamed_from, ..
            } = change;
            for path in [Some(path), renamed_from.as_ref()].into_iter().flatten() {
                if let Ok(path) = RelPath::new(path) {
                    self.path(operation, &path, None);
                }
            }
            for state in [&change.before, &change.after] {
                if let crate::records::StateV1::File { content, .. } = state {
                    self.content(operation, *content);
                }
            }
        }
    }

    fn path(&mut self, operation: u64, path: &RelPath, content: Option<[u8; 32]>) {
        if path.is_within(self.path) {
            let id = OperationId(operation);
            self.found(format!("the path in operation {id}"));
        }
        if let Some(content) = content {
            self.content(operation, content);
        }
    }

    fn content(&mut self, operation: u64, content: [u8; 32]) {
        if self.contents.contains(&content) {
            let id = ContentId(content);
            self.found(format!("content {id} in operation {operation}"));
        }
    }
}
