//! A milestone as a commit on a branch of the workspace's git repository.
//!
//! Does: write a `git fast-import` stream for the user's own git, which touches neither HEAD nor index nor a work tree.
//! Does not: go over a branch that somebody works on, run a hook, or let an environment choose another repository.

use std::ffi::OsStr;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use aft_model::{Checkpoint, FileState, RelPath};
use aft_os::process::start_scrubbed;
use aft_rpc::types::milestone::GitExport;
use aft_rpc::{ErrorKind, RpcError};
use aft_store::Reader;
use aft_store::milestone::Gauge;

use crate::serve::failure::of_read;

/// Line of a commit's message by which our own branches are known.
const TRAILER: &str = "Afterimage-Milestone:";
/// Paths without bytes that are named.
const NAMED_MAX: usize = 100;
/// Nothing that a repository's configuration names is run.
const QUIET: [&str; 4] = [
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
];

/// What is to be committed.
pub(super) struct Commit<'a> {
    pub(super) reader: &'a Reader,
    pub(super) root: &'a Path,
    pub(super) branch: &'a str,
    pub(super) force: bool,
    pub(super) checkpoint: &'a Checkpoint,
    pub(super) checksum: String,
    pub(super) entries: &'a [(RelPath, FileState)],
    pub(super) gauge: &'a Gauge,
}

/// What was committed.
pub(super) struct Made {
    pub(super) commit: GitExport,
    pub(super) n_files: u64,
    pub(super) n_bytes: u64,
    pub(super) not_covered: Vec<RelPath>,
}

/// Makes the commit.
pub(super) fn commit(what: &Commit<'_>) -> Result<Made, RpcError> {
    let reference = format!("refs/heads/{}", what.branch);
    let is_repository = git(what.root, &["rev-parse", "--git-dir"])?;
    if !is_repository.ok {
        let text = format!("`{}` is in no git repository", what.root.display());
        return Err(RpcError::new(ErrorKind::NotFound, text));
    }
    if what.branch.starts_with('-') || !git(what.root, &["check-ref-format", &reference])?.ok {
        let text = format!("`{}` is no name for a branch", what.branch);
        return Err(RpcError::new(ErrorKind::Invalid, text));
    }
    refuse_checked_out(what, &reference)?;
    let tip = git(
        what.root,
        &[
            "rev-parse",
            "-q",
            "--verify",
            &format!("{reference}^{{commit}}"),
        ],
    )?;
    let parent = tip.ok.then(|| tip.line());
    if let Some(parent) = &parent
        && !what.force
    {
        let message = git(what.root, &["log", "-1", "--format=%B", parent, "--"])?;
        if !message.out.lines().any(|line| line.starts_with(TRAILER)) {
            let text = format!(
                "the branch `{}` is there and was not made by an export",
                what.branch
            );
            return Err(RpcError::new(ErrorKind::Invalid, text)
                .with_remedy("name another, or add a commit to it with --force"));
        }
    }
    let mut made = import(what, &reference, parent.as_deref())?;
    let tip = git(what.root, &["rev-parse", "-q", "--verify", &reference])?;
    made.commit = GitExport {
        branch: what.branch.to_owned(),
        commit: tip.line(),
        parent,
    };
    Ok(made)
}

/// A branch that some work tree shows would be another than its files from then on.
fn refuse_checked_out(what: &Commit<'_>, reference: &str) -> Result<(), RpcError> {
    let head = git(what.root, &["symbolic-ref", "-q", "HEAD"])?;
    let trees = git(what.root, &["worktree", "list", "--porcelain"])?;
    let shown = format!("branch {reference}");
    if head.line() != reference && !trees.out.lines().any(|line| line == shown) {
        return Ok(());
    }
    let text = format!("the branch `{}` is checked out", what.branch);
    Err(RpcError::new(ErrorKind::Invalid, text).with_remedy("name another branch"))
}

/// What a git command said.
struct Said {
    ok: bool,
    out: String,
}

impl Said {
    fn line(&self) -> String {
        self.out.lines().next().unwrap_or_default().to_owned()
    }
}

fn not_started(error: &std::io::Error) -> RpcError {
    let text = format!("git cannot be run: {error}");
    RpcError::new(ErrorKind::NotFound, text).with_remedy("install git, or export a file")
}

fn git(root: &Path, args: &[&str]) -> Result<Said, RpcError> {
    let args: Vec<&OsStr> = QUIET.iter().chain(args).map(OsStr::new).collect();
    let child = start_scrubbed("git", &args, root).map_err(|error| not_started(&error))?;
    let output = child
        .wait_with_output()
        .map_err(|error| not_started(&error))?;
    Ok(Said {
        ok: output.status.success(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
    })
}

fn import(what: &Commit<'_>, reference: &str, parent: Option<&str>) -> Result<Made, RpcError> {
    let args = ["fast-import", "--quiet", "--done", "--date-format=raw"];
    let args: Vec<&OsStr> = QUIET.iter().chain(&args).map(OsStr::new).collect();
    let mut child = start_scrubbed("git", &args, what.root).map_err(|error| not_started(&error))?;
    let written = child.stdin.take().map(|stdin| {
        let mut out = BufWriter::with_capacity(1 << 20, stdin);
        let written = stream(what, reference, parent, &mut out);
        // Its end is the end of the stream.
        drop(out);
        written
    });
    let output = child
        .wait_with_output()
        .map_err(|error| not_started(&error))?;
    match written {
        // What could not be read is the cause; git only saw the stream end.
        Some(Err(Failed::Read(error))) => return Err(error),
        Some(Ok(made)) if output.status.success() => return Ok(made),
        _ => {}
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().find(|line| !line.is_empty());
    let text = format!("git did not take it: {}", line.unwrap_or("it ended early"));
    Err(RpcError::new(ErrorKind::Invalid, text))
}

enum Failed {
    Read(RpcError),
    Pipe,
}

impl From<std::io::Error> for Failed {
    fn from(_: std::io::Error) -> Self {
        Self::Pipe
    }
}

fn stream(
    what: &Commit<'_>,
    reference: &str,
    parent: Option<&str>,
    out: &mut impl Write,
) -> Result<Made, Failed> {
    let name = what.checkpoint.name.as_str();
    let sentence = what.checkpoint.message.as_deref().unwrap_or(name);
    let message = format!(
        "{sentence}\n\n{TRAILER} {name}\nAfterimage-Operation: {}\nAfterimage-Checksum: {}\n",
        what.checkpoint.operation, what.checksum
    );
    let seconds = what.checkpoint.time_ns.div_euclid(1_000_000_000);
    writeln!(out, "commit {reference}")?;
    writeln!(
        out,
        "committer Afterimage <afterimage@localhost> {seconds} +0000"
    )?;
    writeln!(out, "data {}", message.len())?;
    writeln!(out, "{message}")?;
    if let Some(parent) = parent {
        writeln!(out, "from {parent}")?;
    }
    writeln!(out, "deleteall")?;
    let mut made = Made {
        commit: GitExport {
            branch: String::new(),
            commit: String::new(),
            parent: None,
        },
        n_files: 0,
        n_bytes: 0,
        not_covered: Vec::new(),
    };
    for (path, state) in what.entries {
        let (content, mode) = match state {
            FileState::File { content, mode, .. } if mode & 0o100 != 0 => (content, "100755"),
            FileState::File { content, .. } => (content, "100644"),
            FileState::Symlink { target } => (target, "120000"),
            FileState::Opaque { .. } => {
                if made.not_covered.len() < NAMED_MAX {
                    made.not_covered.push(path.clone());
                }
                continue;
            }
            FileState::Absent | FileState::Dir { .. } => continue,
        };
        let stopped = || RpcError::new(ErrorKind::Busy, "the workspace is being closed; try again");
        if what.gauge.stop.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(Failed::Read(stopped()));
        }
        let read = |error: aft_store::ReadError| Failed::Read(of_read(&error));
        let size = what.reader.content_size(content).map_err(read)?;
        let mut bytes = what.reader.open_content(content).map_err(read)?;
        write!(out, "M {mode} inline ")?;
        out.write_all(&quoted(path))?;
        writeln!(out, "\ndata {size}")?;
        copy(&mut bytes, size, out)?;
        writeln!(out)?;
        made.n_files += 1;
        made.n_bytes += size;
    }
    writeln!(out, "done")?;
    out.flush()?;
    Ok(made)
}

/// Copies exactly `size` bytes, and reads on to where a damaged content would be told.
fn copy(bytes: &mut dyn Read, size: u64, out: &mut impl Write) -> Result<(), Failed> {
    let mut piece = [0; 64 * 1024];
    let mut left = size;
    loop {
        let read = bytes
            .read(&mut piece)
            .map_err(|error| Failed::Read(RpcError::new(ErrorKind::Corrupt, error.to_string())))?;
        if read == 0 && left == 0 {
            return Ok(());
        }
        if read == 0 || read as u64 > left {
            let text = "a content has another size than is said";
            return Err(Failed::Read(RpcError::new(ErrorKind::Corrupt, text)));
        }
        out.write_all(piece.get(..read).unwrap_or(&[]))?;
        left -= read as u64;
    }
}

/// A path as the stream wants it, whatever bytes are in it.
fn quoted(path: &RelPath) -> Vec<u8> {
    let mut out = vec![b'"'];
    for byte in path.as_bytes() {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', *byte]),
            0x20..=0x7e => out.push(*byte),
            other => out.extend(format!("\\{other:03o}").bytes()),
        }
    }
    out.push(b'"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_path_is_one_line_in_quotes() {
        let path = RelPath::new(b"a \"b\"\\\n\xff/c").unwrap();
        assert_eq!(quoted(&path), b"\"a \\\"b\\\"\\\\\\012\\377/c\"");
    }
}
