//! The repository's HEAD, read and never written.

use std::io::Read;

use aft_model::{GitHead, RelPath};
use aft_os::ReadDir;

/// Reads HEAD and branch of the work tree at the root; `None` where there is no repository. A HEAD that
/// cannot be read is no reason to lose an operation, so errors read as "none".
pub(crate) fn read(root: &dyn ReadDir) -> Option<GitHead> {
    let head = text(root, ".git/HEAD").or_else(|| linked(root, "HEAD"))?;
    let Some(reference) = head.strip_prefix("ref: ") else {
        return Some(GitHead {
            branch: None,
            commit: Some(head),
        });
    };
    let branch = reference
        .strip_prefix("refs/heads/")
        .unwrap_or(reference)
        .to_owned();
    let commit = text(root, &format!(".git/{reference}")).or_else(|| packed(root, reference));
    Some(GitHead {
        branch: Some(branch),
        commit,
    })
}

fn text(root: &dyn ReadDir, path: &str) -> Option<String> {
    let path = RelPath::new(path).ok()?;
    let mut bytes = Vec::new();
    root.open(&path)
        .ok()?
        .take(64 * 1024)
        .read_to_end(&mut bytes)
        .ok()?;
    let text = String::from_utf8(bytes).ok()?;
    Some(text.trim_end().to_owned())
}

/// A linked work tree or submodule: `.git` is a file that names the real directory outside of the root.
fn linked(root: &dyn ReadDir, file: &str) -> Option<String> {
    let pointer = text(root, ".git")?;
    let dir = pointer.strip_prefix("gitdir: ")?;
    let path = std::path::Path::new(dir).join(file);
    path.is_absolute()
        .then(|| std::fs::read_to_string(path).ok())
        .flatten()
        .map(|text| text.trim_end().to_owned())
}

fn packed(root: &dyn ReadDir, reference: &str) -> Option<String> {
    let packed = text(root, ".git/packed-refs")?;
    let line = packed
        .lines()
        .find(|line| line.split(' ').nth(1) == Some(reference))?;
    line.split(' ').next().map(str::to_owned)
}
