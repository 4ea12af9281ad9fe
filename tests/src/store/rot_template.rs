//! A sound store with one of everything, and what it must answer.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use aft_model::{
    Author, Change, Checkpoint, CheckpointName, ContentId, FileState, Keep, Known, Operation,
    OperationId, OperationKind, RelPath,
};
use aft_os::store_dir::real::RealStoreDir;
use aft_store::{Level, Maintenance, Opened, Options, Reader, prepare};
use aft_testkit::sim::Rng;

/// Files that are edited again and again.
const PATHS: u64 = 6;
/// Edits after the first scan and the large operation.
const EDITS: u64 = 30;
/// Paths of the large operation: more than fit into its record.
const LARGE: u64 = 90;

pub(super) type Tree = BTreeMap<RelPath, FileState>;

/// A content and the delta chain it may belong to.
pub(super) struct Stored {
    pub(super) id: ContentId,
    pub(super) bytes: Vec<u8>,
    pub(super) family: u64,
}

/// The files of a sound store, and what is in it.
pub(super) struct Template {
    pub(super) files: Vec<(String, Vec<u8>)>,
    pub(super) contents: Vec<Stored>,
    pub(super) operations: Vec<Operation>,
    /// The tree after each operation, the first at 1.
    pub(super) trees: Vec<Tree>,
    pub(super) checkpoints: Vec<Checkpoint>,
    /// Contents may stand on others of any family.
    pub(super) is_rewritten: bool,
}

pub(super) fn options() -> Options {
    Options {
        segment_max: 48 * 1024,
        unsynced_max: 64 * 1024,
        seed: Some([9; 32]),
    }
}

pub(super) fn open(dir: &Path) -> Result<Opened, aft_store::OpenError> {
    let dir = RealStoreDir::open(dir, true).expect("a directory");
    aft_store::open(Arc::new(dir), &options())
}

struct Making {
    opened: Opened,
    template: Template,
    tree: Tree,
}

impl Template {
    /// `rewritten`: maintenance has rewritten the sealed segments.
    pub(super) fn make(dir: &Path, rewritten: bool) -> Self {
        let mut making = Making {
            opened: open(dir).expect("an empty store"),
            template: Self {
                files: Vec::new(),
                contents: Vec::new(),
                operations: Vec::new(),
                trees: vec![Tree::new()],
                checkpoints: Vec::new(),
                is_rewritten: rewritten,
            },
            tree: Tree::new(),
        };
        making.baseline();
        making.large();
        making.edits();
        if rewritten {
            let writer = &mut making.opened.writer;
            while writer.maintain().expect("maintenance") == Maintenance::Working {}
        }
        let known = |state: &FileState| Known {
            state: *state,
            stat: None,
            ignored: false,
        };
        let entries: Vec<_> = making.tree.iter().map(|(p, s)| (p, known(s))).collect();
        let writer = &mut making.opened.writer;
        writer
            .save_keyframe(
                OperationId(making.template.operations.len() as u64),
                entries.iter().map(|(path, known)| (*path, known)),
            )
            .expect("a keyframe");
        let Making {
            opened,
            mut template,
            ..
        } = making;
        opened.writer.close().expect("an orderly end");
        drop(opened.reader);
        template.files = files_of(dir);
        template
    }
}

/// Every file of a store; the directory for cookies is none.
pub(super) fn files_of(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(dir).expect("the store's directory");
    let mut files: Vec<_> = entries
        .flatten()
        .filter(|entry| entry.path().is_file())
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, std::fs::read(entry.path()).expect("a file"))
        })
        .collect();
    files.sort();
    files
}

fn path(text: &str) -> RelPath {
    RelPath::new(text).expect("a path")
}

impl Making {
    fn reader(&self) -> &Reader {
        &self.opened.reader
    }

    fn put(&mut self, bytes: Vec<u8>, family: u64, base: Option<ContentId>) -> FileState {
        let base = base.and_then(|id| self.reader().base_for(&id));
        let prepared = prepare(&bytes, base.as_ref(), Level::Normal);
        let (id, size) = (prepared.id(), prepared.size());
        self.opened.writer.put_content(prepared).expect("a content");
        self.template.contents.push(Stored { id, bytes, family });
        FileState::File {
            content: id,
            size,
            mode: 0o644,
        }
    }

    fn record(&mut self, kind: OperationKind, changes: Vec<Change>) {
        let id = self.template.operations.len() as u64 + 1;
        for change in &changes {
            self.tree.insert(change.path.clone(), change.after);
        }
        let operation = Operation {
            author: Author::Agent("rot".to_owned()),
            time_ns: 1_700_000_000_000_000_000 + id as i64,
            note: Some(format!("operation {id}")),
            ..Operation::bare(OperationId(id), kind, changes)
        };
        let writer = &mut self.opened.writer;
        writer.put_operation(&operation).expect("an operation");
        writer.commit(true).expect("a commit");
        self.template.operations.push(operation);
        self.template.trees.push(self.tree.clone());
    }

    fn change(&self, name: &str, after: FileState) -> Change {
        let path = path(name);
        Change {
            before: self.tree.get(&path).copied().unwrap_or(FileState::Absent),
            path,
            after,
            renamed_from: None,
        }
    }

    fn baseline(&mut self) {
        let mut entries = Vec::new();
        for n in 0..PATHS {
            let state = self.put(text(n, 0), 100 + n, None);
            let known = Known {
                state,
                stat: None,
                ignored: false,
            };
            entries.push((path(&format!("f{n}")), known));
        }
        let writer = &mut self.opened.writer;
        writer.put_baseline_part(&entries).expect("a part");
        let appeared = entries.into_iter().map(|(path, known)| Change {
            path,
            before: FileState::Absent,
            after: known.state,
            renamed_from: None,
        });
        self.record(OperationKind::Baseline, appeared.collect());
    }

    fn large(&mut self) {
        let mut changes = Vec::new();
        for n in 0..LARGE {
            let bytes = Rng::new(1000 + n).bytes(40);
            let state = self.put(bytes, 1000 + n, None);
            changes.push(self.change(&format!("large/{n:03}"), state));
        }
        // Longer than one record holds: chunks and their list.
        let line = b"a long file of the same line again and again, which takes no room\n";
        let long = line.repeat((4 << 20) / line.len() + 100);
        let state = self.put(long, 5, None);
        changes.push(self.change("large/long", state));
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        self.record(OperationKind::Observed, changes);
    }

    fn edits(&mut self) {
        for n in 0..EDITS {
            let of = n % PATHS;
            let name = format!("f{of}");
            let after = if n % 3 == 2 {
                // Does not compress, so that its bytes lie in the segment as they are.
                self.put(Rng::new(n).bytes(3000), 2000 + n, None)
            } else {
                let base = self.tree[&path(&name)].content();
                self.put(text(of, n + 1), 100 + of, base)
            };
            let change = self.change(&name, after);
            self.record(OperationKind::Edit, vec![change]);
            if n % 10 == 5 {
                self.checkpoint(&format!("c{n}"));
            }
            if n % 7 == 3 {
                let writer = &mut self.opened.writer;
                writer.put_audit(n as i64, b"{}").expect("an audit entry");
                writer.commit(true).expect("a commit");
            }
        }
    }

    fn checkpoint(&mut self, name: &str) {
        let checkpoint = Checkpoint {
            name: CheckpointName::new(name).expect("a name"),
            operation: OperationId(self.template.operations.len() as u64),
            time_ns: 1_700_000_000_000_000_000,
            keep: Keep::User,
            message: Some("so far".to_owned()),
            metadata: None,
            n_files: 3,
            n_bytes: 3000,
        };
        let writer = &mut self.opened.writer;
        writer.put_checkpoint(&checkpoint).expect("a checkpoint");
        writer.commit(true).expect("a commit");
        self.template.checkpoints.push(checkpoint);
        let by_name = |c: &Checkpoint| c.name.as_str().to_owned();
        self.template.checkpoints.sort_by_key(by_name);
    }
}

/// Text that compresses, version by version much like the one before.
fn text(of: u64, version: u64) -> Vec<u8> {
    let mut text = String::new();
    for line in 0..120 {
        let value = if line == version % 120 { version } else { 0 };
        text.push_str(&format!(
            "let file_{of}_{line} = compute({}, {value});\n",
            line * 7919 % 1000
        ));
    }
    text.into_bytes()
}
