//! Patches given to git and to `patch`, and what they make of a directory held against what they should.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use Node::{File, Link, Nothing};
use proptest::prelude::*;

use super::super::*;

/// One side of a case as the tools can make it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Nothing,
    File(Vec<u8>, u32),
    Link(Vec<u8>),
}

impl Node {
    pub(super) fn state(&self) -> FileState {
        match self {
            Nothing => FileState::Absent,
            File(bytes, mode) => file(bytes, *mode),
            Link(target) => link(target),
        }
    }

    pub(super) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Nothing => None,
            File(bytes, _) | Link(bytes) => Some(bytes),
        }
    }

    pub(super) fn put(&self, at: &Path) {
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        match self {
            Nothing => {}
            File(bytes, mode) => {
                fs::write(at, bytes).unwrap();
                fs::set_permissions(at, fs::Permissions::from_mode(*mode)).unwrap();
            }
            Link(target) => symlink(OsStr::from_bytes(target), at).unwrap(),
        }
    }

    pub(super) fn read(at: &Path) -> Self {
        match fs::symlink_metadata(at) {
            Err(_) => Nothing,
            Ok(meta) if meta.is_symlink() => {
                Link(fs::read_link(at).unwrap().as_os_str().as_bytes().to_vec())
            }
            Ok(meta) => File(
                fs::read(at).unwrap(),
                if meta.permissions().mode() & 0o100 == 0 {
                    0o644
                } else {
                    0o755
                },
            ),
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) old: Vec<u8>,
    pub(super) new: Vec<u8>,
    pub(super) before: Node,
    pub(super) after: Node,
    pub(super) context: usize,
}

impl Case {
    pub(super) fn at(name: &[u8], before: Node, after: Node) -> Self {
        Self {
            old: name.to_vec(),
            new: name.to_vec(),
            before,
            after,
            context: 3,
        }
    }

    pub(super) fn moved(old: &[u8], new: &[u8], before: Node, after: Node) -> Self {
        Self {
            new: new.to_vec(),
            ..Self::at(old, before, after)
        }
    }

    pub(super) fn diff(&self, at: usize, options: &Options) -> FileDiff {
        let name = |name: &[u8]| path(&[format!("{at}/").as_bytes(), name].concat());
        let (before, after) = (self.before.state(), self.after.state());
        let side = |state, node: &'_ Node| Side {
            state,
            bytes: node.bytes().map(|b| &*b.to_vec().leak()),
        };
        let options = Options {
            context: self.context,
            ..options.clone()
        };
        unified(
            &name(&self.old),
            &name(&self.new),
            side(&before, &self.before),
            side(&after, &self.after),
            &options,
        )
    }
}

/// Applies all cases with both tools at once and compares every tree.
pub(super) fn check(cases: &[Case], options: &Options) -> Result<(), TestCaseError> {
    let mut patch = Vec::new();
    for (at, case) in cases.iter().enumerate() {
        let diff = case.diff(at, options);
        prop_assert!(diff.complete || diff.binary, "{case:?}");
        patch.extend_from_slice(&diff.text);
    }
    if patch.is_empty() {
        return Ok(());
    }
    let zero = cases.iter().any(|case| case.context == 0);
    let git: &[&str] = if zero {
        &["git", "apply", "--unidiff-zero"]
    } else {
        &["git", "apply"]
    };
    judge(git, cases, &patch)?;
    judge(
        &["patch", "-p1", "--batch", "--no-backup-if-mismatch", "-i"],
        cases,
        &patch,
    )
}

pub(super) fn judge(tool: &[&str], cases: &[Case], patch: &[u8]) -> Result<(), TestCaseError> {
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("tree");
    let place = |at: usize, name: &[u8]| -> PathBuf {
        tree.join(at.to_string()).join(OsStr::from_bytes(name))
    };
    for (at, case) in cases.iter().enumerate() {
        case.before.put(&place(at, &case.old));
    }
    let output = apply(tool, patch, dir.path(), &tree).map_err(TestCaseError::fail)?;
    let shown = String::from_utf8_lossy(patch);
    prop_assert!(
        !output.contains("fuzz") && !output.contains("offset"),
        "{tool:?}: {output}\n{shown}"
    );
    for (at, case) in cases.iter().enumerate() {
        let found = Node::read(&place(at, &case.new));
        prop_assert!(
            found == case.after,
            "{tool:?} made {found:?} of {case:?}: {output}\n{shown}"
        );
        let left = Node::read(&place(at, &case.old));
        prop_assert!(
            case.old == case.new || left == Nothing,
            "{tool:?} left {left:?} of {case:?}"
        );
    }
    Ok(())
}

/// Runs a tool in `tree`; gives what it said, as an error when it failed.
pub(super) fn apply(
    tool: &[&str],
    patch: &[u8],
    dir: &Path,
    tree: &Path,
) -> Result<String, String> {
    let patch_file = dir.join("patch");
    fs::write(&patch_file, patch).unwrap();
    let run = Command::new(tool[0])
        .args(&tool[1..])
        .arg(&patch_file)
        .current_dir(tree)
        .envs([
            ("LC_ALL", "C"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
        ])
        .env("GIT_CEILING_DIRECTORIES", dir)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned();
    if run.status.success() {
        return Ok(said);
    }
    Err(format!(
        "{tool:?}: {said}\n{}",
        String::from_utf8_lossy(patch)
    ))
}
