//! Compares a subtree of the history with the directory.
//! Does not wait, fence, or forgive anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use aft_testkit::Manifest;
use aft_testkit::daemon::Connection;
use aft_testkit::manifest::{Entry, Kind};
use serde_json::{Value, json};

use crate::wire::wire_bytes;

use super::rig::params;

/// Entries of a tree that are asked for at once.
const PAGE: u64 = 10_000;

/// Paths with what is there, in words.
type Entries = BTreeMap<Vec<u8>, String>;

/// How the history differs from the directory beneath `prefix`; the whole project where it is empty. One sentence
/// for each path, nothing where they agree.
#[track_caller]
pub(super) fn differences(connection: &mut Connection, root: &Path, prefix: &str) -> Vec<String> {
    let (disk, history) = (on_disk(root, prefix), in_history(connection, root, prefix));
    let paths: BTreeSet<&Vec<u8>> = disk.keys().chain(history.keys()).collect();
    paths
        .into_iter()
        .filter(|path| disk.get(*path) != history.get(*path))
        .map(|path| {
            let words = |entries: &Entries| {
                let found = entries.get(path).cloned();
                found.unwrap_or_else(|| "nothing".to_owned())
            };
            format!(
                "{}: on disk {}, in the history {}",
                String::from_utf8_lossy(path),
                words(&disk),
                words(&history)
            )
        })
        .collect()
}

/// Fails with the first differences of the whole project.
#[track_caller]
pub(super) fn assert_exact(connection: &mut Connection, root: &Path, what: &str) {
    let found = differences(connection, root, "");
    assert!(
        found.is_empty(),
        "{what}: {} paths differ\n{}",
        found.len(),
        found
            .iter()
            .take(20)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n")
    );
}

fn on_disk(root: &Path, prefix: &str) -> Entries {
    let top = root.join(prefix);
    let beneath = match top.symlink_metadata() {
        Ok(meta) if meta.is_dir() => Manifest::of(&top),
        _ => Manifest::default(),
    };
    let mut entries: Entries = beneath
        .entries
        .iter()
        .map(|(path, entry)| (join(prefix, path), describe(entry)))
        .collect();
    if !prefix.is_empty() {
        // The top itself, by the manifest of its parent's one entry.
        if let Some(entry) = alone(&top) {
            entries.insert(prefix.as_bytes().to_vec(), entry);
        }
    }
    entries
}

fn join(prefix: &str, path: &[u8]) -> Vec<u8> {
    let mut whole = prefix.as_bytes().to_vec();
    if !whole.is_empty() {
        whole.push(b'/');
    }
    whole.extend_from_slice(path);
    whole
}

/// One entry by itself.
fn alone(path: &Path) -> Option<String> {
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::PermissionsExt as _;
    let meta = path.symlink_metadata().ok()?;
    let mode = meta.permissions().mode() & 0o7777;
    if meta.is_dir() {
        return Some(format!("dir {mode:04o}"));
    }
    let entry = if meta.is_symlink() {
        let target = std::fs::read_link(path)
            .ok()?
            .as_os_str()
            .as_bytes()
            .to_vec();
        Entry {
            kind: Kind::Symlink { target },
            mode,
            mtime_ns: None,
        }
    } else {
        Entry::file(mode, &std::fs::read(path).ok()?)
    };
    Some(describe(&entry))
}

#[track_caller]
fn in_history(connection: &mut Connection, root: &Path, prefix: &str) -> Entries {
    let mut entries = Entries::new();
    let mut wanted = params(root);
    wanted["limit"] = json!(PAGE);
    if !prefix.is_empty() {
        wanted["prefix"] = json!(prefix);
    }
    loop {
        let answer = connection.expect_call("tree.list", &wanted);
        for entry in answer["entries"].as_array().expect("entries") {
            entries.insert(wire_bytes(&entry["path"]), words(&entry["state"]));
        }
        match answer.get("cursor").filter(|cursor| !cursor.is_null()) {
            Some(cursor) => wanted["cursor"] = cursor.clone(),
            None => return entries,
        }
    }
}

fn words(state: &Value) -> String {
    let text = |key: &str| state[key].as_str().unwrap_or_default();
    let number = |key: &str| state[key].as_u64().unwrap_or_default();
    match state["type"].as_str() {
        Some("file") => format!(
            "file {:04o} {} {}",
            number("mode"),
            number("size"),
            text("hash")
        ),
        Some("symlink") => format!("link {}", text("hash")),
        Some("dir") => format!("dir {:04o}", number("mode")),
        other => format!("{} {}", other.unwrap_or("?"), text("reason")),
    }
}

fn describe(entry: &Entry) -> String {
    match &entry.kind {
        Kind::File { size, hash } => format!("file {:04o} {size} {}", entry.mode, hex(hash)),
        Kind::Dir => format!("dir {:04o}", entry.mode),
        Kind::Symlink { target } => format!("link {}", hex(blake3::hash(target).as_bytes())),
        Kind::Other => "opaque unsupported".to_owned(),
    }
}

fn hex(hash: &[u8]) -> String {
    hash.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes it");
        text
    })
}
