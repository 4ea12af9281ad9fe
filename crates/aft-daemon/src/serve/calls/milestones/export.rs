//! `milestone.export`: one file that travels, or a commit.
//!
//! Does not: let a secret out; what is left behind is named.

use std::path::PathBuf;
use std::sync::Arc;

use aft_model::RelPath;
use aft_os::outside::{Existing, OutsideFile};
use aft_rpc::types::milestone::{MilestoneExportParams, MilestoneExportResult};
use aft_rpc::{ErrorKind, Request, RpcError, WirePath};
use aft_store::milestone::{MilestoneError, Status};

use super::git::{self, Commit};
use super::{existing, of, of_milestone};
use crate::serve::calls::{Answer, result, workspace};
use crate::serve::connection::Peer;
use crate::workspace::{Kept, Milestones, Workspace};

/// Threads that read and compress.
const THREADS: usize = 2;

pub(in crate::serve::calls) async fn export(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: MilestoneExportParams = request.params()?;
    let (_, workspace) = workspace(peer, &params.workspace)?;
    let kept = existing(of(&workspace)?, &params.name)?;
    if kept.milestone.status != Status::Completed {
        let message = format!("`{}` is {}", params.name, kept.milestone.status.as_str());
        return Err(RpcError::new(ErrorKind::Busy, message).with_remedy(
            "only a completed milestone is exported; `aft milestone verify` makes one that failed anew",
        ));
    }
    let clock = Arc::clone(&peer.daemon.clock);
    let work = move || {
        let started_ns = clock.mono_ns();
        let milestones = of(&workspace)?;
        let _alone = milestones.alone();
        let mut exported = match (&params.file, &params.git) {
            (Some(file), None) => to_file(&workspace, milestones, &kept, file, params.force)?,
            (None, Some(branch)) => to_git(&workspace, milestones, &kept, branch, params.force)?,
            _ => {
                let text = "say `file` or `git`";
                return Err(RpcError::new(ErrorKind::Invalid, text));
            }
        };
        exported.took_ms = clock.mono_ns().saturating_sub(started_ns) as f64 / 1e6;
        Ok(exported)
    };
    let exported = tokio::task::spawn_blocking(work).await;
    result(&exported.map_err(|error| RpcError::internal(error.to_string()))??)
}

/// The path of a file as a client names it.
pub(super) fn absolute(path: &WirePath) -> Result<PathBuf, RpcError> {
    let path = PathBuf::from(path.as_path());
    if path.is_absolute() && path.file_name().is_some() {
        return Ok(path);
    }
    let text = format!("`{}` is not an absolute path of a file", path.display());
    Err(RpcError::new(ErrorKind::Invalid, text))
}

fn to_file(
    workspace: &Workspace,
    milestones: &Milestones,
    kept: &Kept,
    file: &WirePath,
    force: bool,
) -> Result<MilestoneExportResult, RpcError> {
    let path = absolute(file)?;
    let exists = || {
        let text = format!("there is a file `{}` already", path.display());
        RpcError::new(ErrorKind::Invalid, text).with_remedy("--force replaces it")
    };
    if !force && path.symlink_metadata().is_ok() {
        return Err(exists());
    }
    let failed = |source| {
        let doing = "write the file";
        of_milestone(&MilestoneError::Io { doing, source })
    };
    let mut out = OutsideFile::create(&path).map_err(failed)?;
    let checkpoint = &kept.checkpoint;
    let told = (checkpoint.message.clone(), checkpoint.metadata.clone());
    let exported = aft_store::milestone::export(
        &workspace.reader,
        milestones.shelf(),
        (&checkpoint.name, told),
        std::io::BufWriter::with_capacity(1 << 20, &mut out),
        &|path: &RelPath| workspace.shared.secrets.is_secret(path),
        &milestones.gauge(THREADS),
    )
    .map_err(|error| of_milestone(&error))?;
    let existing = if force {
        Existing::Replace
    } else {
        Existing::Keep
    };
    match out.finish(existing) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Err(exists()),
        finished => finished.map_err(failed)?,
    }
    let milestone = exported.milestone;
    Ok(MilestoneExportResult {
        milestone: checkpoint.name.as_str().to_owned(),
        file: Some(path.as_path().into()),
        file_bytes: Some(exported.file_bytes),
        git: None,
        checksum: checksum(milestone.checksum),
        files: milestone.n_files,
        bytes: milestone.n_bytes,
        left_out: milestone.left_out.iter().map(WirePath::from).collect(),
        not_covered: Vec::new(),
        took_ms: 0.0,
    })
}

fn checksum(sum: Option<aft_model::ContentId>) -> String {
    sum.map(|sum| sum.to_string()).unwrap_or_default()
}

fn to_git(
    workspace: &Workspace,
    milestones: &Milestones,
    kept: &Kept,
    branch: &str,
    force: bool,
) -> Result<MilestoneExportResult, RpcError> {
    let name = &kept.checkpoint.name;
    let read = milestones.shelf().contents(name);
    let (milestone, entries) = read.map_err(|error| of_milestone(&error))?;
    let secrets = &workspace.shared.secrets;
    let (left_out, entries): (Vec<_>, Vec<_>) = entries
        .into_iter()
        .partition(|(path, state)| !state.is_dir() && secrets.is_secret(path));
    let root = workspace.shared.root.read().clone();
    let gauge = milestones.gauge(1);
    let commit = Commit {
        reader: &workspace.reader,
        root: &root,
        branch,
        force,
        checkpoint: &kept.checkpoint,
        checksum: checksum(milestone.checksum),
        entries: &entries,
        gauge: &gauge,
    };
    let made = git::commit(&commit)?;
    Ok(MilestoneExportResult {
        milestone: name.as_str().to_owned(),
        file: None,
        file_bytes: None,
        git: Some(made.commit),
        checksum: checksum(milestone.checksum),
        files: made.n_files,
        bytes: made.n_bytes,
        left_out: left_out.iter().map(|(path, _)| path.into()).collect(),
        not_covered: made.not_covered.iter().map(WirePath::from).collect(),
        took_ms: 0.0,
    })
}
