//! Stores that earlier versions wrote open for ever: `tests/fixtures/store-v3` is one with frames of version 3, as a daemon of
//! that version left it: a session with a turn that ended and one that did not, a checkpoint, an index of schema 3.
//!
//! What must be served is what was typed then. It is never written again.

use std::collections::BTreeSet;
use std::path::Path;

use aft_model::{CheckpointName, OperationId, RelPath, SessionId};

use super::rot_damage::frames;
use super::rot_template::{files_of, open};

#[track_caller]
fn assert_whole(dir: &Path, session: &SessionId) {
    let store = open(dir).expect("a store of version 3");
    assert_eq!(store.recovery.corrupt, Vec::new());
    let text = RelPath::new("text").expect("a path");
    let written = ["first\n", "second\n", "third\n", "fourth\n"];
    for (at, written) in (1..).zip(written) {
        let state = store.reader.state_at(&text, OperationId(at));
        let content = state.expect("a look").and_then(|state| state.content());
        let bytes = store.reader.read_content(&content.expect("a file"));
        assert_eq!(&*bytes.expect("its bytes"), written.as_bytes());
    }
    let named = CheckpointName::new("named").expect("a name");
    let named = store.reader.checkpoint(&named).expect("a look");
    assert_eq!(named.map(|one| one.operation), Some(OperationId(3)));
    let known = store.reader.session(session).expect("a look");
    assert_eq!(known.map(|one| one.agent), Some("tester".to_owned()));
    let turns = store.reader.turns(session).expect("a look");
    let ended: Vec<bool> = turns.iter().map(|turn| turn.ended_ns.is_some()).collect();
    assert_eq!(ended, [true, false]);
    let report = store.reader.check(true).expect("a check");
    assert!(report.is_clean(), "{report:?}");
    store.writer.close().expect("an orderly end");
}

#[test]
fn a_store_with_frames_of_version_3_serves_what_was_put_into_it() {
    let place = tempfile::tempdir().expect("a directory");
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/store-v3");
    let files = files_of(&fixture);
    let session = std::fs::read_to_string(fixture.join("session.txt")).expect("the session");
    let session = SessionId(session.trim().to_owned());
    let segments = files.iter().filter(|(name, _)| name.starts_with("seg-"));
    let versions: BTreeSet<u8> = segments
        .flat_map(|(_, bytes)| {
            frames(bytes)
                .into_iter()
                .map(|frame| bytes[frame.range.start + 8])
        })
        .collect();
    assert!(versions.contains(&3), "{versions:?}");
    for with_index in [true, false] {
        let dir = place.path().join(format!("store-{with_index}"));
        aft_os::home::ensure_private_dir(&dir).expect("a directory");
        for (name, bytes) in &files {
            if name.starts_with("seg-") || with_index && name.starts_with("index") {
                std::fs::write(dir.join(name), bytes).expect("a file");
            }
        }
        assert_whole(&dir, &session);
        // And once more, by what this program has made of it.
        assert_whole(&dir, &session);
    }
}
