//! Any version of any file is read soon, however long the history is.
//!
//! Does: write many edits of many files as the daemon does, each against the version before, and read versions drawn at
//! random. `AFT_OPERATIONS=1000000 cargo test --release -p aft-store versions -- --nocapture` is the full size.
//! Does not: judge times in the small run, nor what the machine makes a reading wait; it judges what a read has to decode.

use std::path::Path;
use std::time::{Duration, Instant};

use aft_model::{ContentId, FileState, OperationId, RelPath};

use super::growth::open_at;
use super::{change, operation, path, source_text};
use crate::content::DICTIONARY_COST;
use crate::shared::ContentHead;
use crate::{Base, Level, Opened, Reader, prepare};

/// Files that are edited at the same time, and how often before others are.
const AT_ONCE: u64 = 50;
const EDITS: u64 = 40;
/// Files for each that is edited at once.
const N_FILES: u64 = 5000;
const N_READS: u64 = 5000;

/// A row of numbers that looks like chance and is the same every time.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// A file of one to 1200 lines, mostly some hundred.
struct File {
    path: RelPath,
    text: String,
    state: FileState,
}

impl File {
    fn new(n: u64) -> Self {
        let lines = 10 + Draw(n).below(600) + if n.is_multiple_of(10) { 800 } else { 0 };
        Self {
            path: path(&format!("src/dir{}/file{n}.rs", n % 50)),
            text: source_text(usize::try_from(lines).unwrap()),
            state: FileState::Absent,
        }
    }

    /// Another line is what it was not.
    fn edit(&mut self, id: u64, draw: &mut Draw) {
        let at = usize::try_from(draw.below(self.text.len() as u64)).unwrap();
        let start = self.text[..at].rfind('\n').map_or(0, |end| end + 1);
        let end = self.text[at..]
            .find('\n')
            .map_or(self.text.len(), |end| at + end);
        let line = format!("    let edited_{id} = compute({});", draw.below(1000));
        self.text.replace_range(start..end, &line);
    }
}

/// What was written: path and content of each operation, by its number.
type Written = Vec<(u64, ContentId)>;

fn put(store: &mut Opened, file: &mut File, id: u64) -> ContentId {
    let base: Option<Base> = file
        .state
        .content()
        .and_then(|id| store.reader.base_for(&id));
    let content = prepare(file.text.as_bytes(), base.as_ref(), Level::Normal);
    let after = FileState::File {
        content: content.id(),
        size: content.size(),
        mode: 0o644,
    };
    let put = content.id();
    store.writer.put_content(content).unwrap();
    let change = change("replaced", file.state, after);
    let change = aft_model::Change {
        path: file.path.clone(),
        ..change
    };
    store
        .writer
        .put_operation(&operation(id, vec![change]))
        .unwrap();
    file.state = after;
    put
}

/// So many operations over all files.
fn fill(dir: &Path, count: u64) -> Written {
    let mut store = open_at(dir);
    let mut files: Vec<File> = (0..N_FILES.min(count / EDITS).max(AT_ONCE))
        .map(File::new)
        .collect();
    let n_files = files.len() as u64;
    let (mut written, mut draw, mut next) = (Written::new(), Draw(1), 0);
    for round in 0.. {
        if written.len() as u64 >= count {
            break;
        }
        // Every fourth time it is the same files again.
        let first = if round % 4 == 0 { 0 } else { next };
        for _ in 0..EDITS {
            for n in (first..first + AT_ONCE).map(|n| n % n_files) {
                let id = written.len() as u64 + 1;
                let file = &mut files[usize::try_from(n).unwrap()];
                file.edit(id, &mut draw);
                written.push((n, put(&mut store, file, id)));
            }
            store.writer.commit(false).unwrap();
        }
        next += if round % 4 == 0 { 0 } else { AT_ONCE };
    }
    store.writer.close().unwrap();
    written
}

#[expect(
    clippy::disallowed_methods,
    reason = "the figure is a time; only the full size judges it"
)]
fn now() -> Instant {
    Instant::now()
}

/// How many contents lie below this one until one that stands on its own.
pub(super) fn links(reader: &Reader, id: &ContentId) -> usize {
    let shared = reader.shared();
    let at = shared.find_content(id).unwrap().unwrap();
    let mut head = shared.content_head(at).unwrap();
    let mut links = 0;
    while let Some((base, cost)) = head.base {
        links += 1;
        let below = shared.candidates(base).unwrap();
        let mut below = below
            .into_iter()
            .map(|loc| shared.content_head(loc).unwrap());
        let fits = |head: &ContentHead| {
            cost == DICTIONARY_COST && head.base.is_none() || head.cost == cost
        };
        head = below.find(fits).expect("what it stands on is there");
    }
    links
}

#[test]
fn any_version_of_any_file_is_read_soon() {
    let asked = std::env::var("AFT_OPERATIONS").ok();
    let asked = asked.and_then(|count| count.parse().ok());
    let count: u64 = asked.unwrap_or(12_000);
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("store");
    let began = now();
    let written = fill(&dir, count);
    println!(
        "{} operations written in {:?}",
        written.len(),
        began.elapsed()
    );
    let store = open_at(&dir);
    let (mut draw, mut times, mut alone, mut links) = (Draw(2), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..N_READS {
        let at = usize::try_from(draw.below(written.len() as u64)).unwrap();
        let (n, content) = written[at];
        let path = path(&format!("src/dir{}/file{n}.rs", n % 50));
        let read = || {
            // From the disk, with nothing at hand but what the index keeps.
            store.reader.shared().cache.lock().clear();
            let began = now();
            let state = store
                .reader
                .state_at(&path, OperationId(at as u64 + 1))
                .unwrap();
            let found = state.and_then(|state| state.content()).unwrap();
            let bytes = store.reader.read_content(&found).unwrap();
            let took = began.elapsed();
            assert!(!bytes.is_empty());
            (found, took)
        };
        let (found, first) = read();
        times.push(first);
        // Without the waits that are the machine's.
        alone.push((0..3).map(|_| read().1).fold(first, Duration::min));
        assert_eq!(found, content, "{path:?} after operation {}", at + 1);
        links.push(self::links(&store.reader, &content));
    }
    times.sort_unstable();
    alone.sort_unstable();
    links.sort_unstable();
    let last = links.len() - 1;
    let stats = store.reader.stats().unwrap();
    println!(
        "any version of {count}: p50 {:?}, p99 {:?}, longest {:?}; best of four readings p50 {:?}, p99 {:?}; links p50 {}, p99 {}, most {}; {} bytes an edit, {} of them index",
        times[last / 2],
        times[last * 99 / 100],
        times[last],
        alone[last / 2],
        alone[last * 99 / 100],
        links[last / 2],
        links[last * 99 / 100],
        links[last],
        (stats.segment_bytes + stats.index_bytes) / count,
        stats.index_bytes / count,
    );
    assert!(links[last] <= 64, "{} links", links[last]);
    let p99 = alone[last * 99 / 100];
    if asked.is_some_and(|count: u64| count >= 1_000_000) {
        assert!(p99 <= Duration::from_millis(5), "p99 {p99:?}");
    }
}
