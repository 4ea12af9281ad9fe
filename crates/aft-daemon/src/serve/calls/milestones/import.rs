//! `milestone.import`: a milestone's file, restored into a directory.
//!
//! Does: check all of the file before anything, put its contents into the history, and have the workspace brought to its
//! state as one operation that can be undone, by the machinery of every rollback.
//! Does not: touch a file itself. Where something fails, a directory that was not watched before is as it was.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aft_engine::{GoBack, GoBackKind, Tree};
use aft_model::{Author, CheckpointName, ContentId, FileState, Keep, OperationId, RelPath};
use aft_os::outside::{make_directory, open_outside, remove_empty_directory};
use aft_rpc::types::milestone::{MilestoneImportParams, MilestoneImportResult, MilestoneProblem};
use aft_rpc::{ErrorKind, Request, RpcError, WirePath};
use aft_store::Level;
use aft_store::milestone::{Arrived, Gauge, MilestoneError, Parcel};

use parking_lot::Mutex;

use super::export::absolute;
use super::{begin, of, of_milestone, view};
use crate::registry::Record;
use crate::serve::calls::fencing::{Asked, fence};
use crate::serve::calls::{Answer, ask, checkpoints, reading, result};
use crate::serve::connection::Peer;
use crate::serve::failure::{of_add, of_read};
use crate::workspace::{CheckpointDraft, Done, Input, Workspace};

/// Threads that take the file apart.
const THREADS: usize = 2;
/// How often the state is looked at anew because somebody wrote meanwhile.
const TRIES: usize = 5;
/// Paths that are named as not restored.
const NAMED_MAX: usize = 1000;

pub(in crate::serve::calls) async fn import(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: MilestoneImportParams = request.params()?;
    let started_ns = peer.daemon.clock.mono_ns();
    let file = absolute(&params.file)?;
    let mut parcel = reading(|| open(&file)).map_err(|error| of_milestone(&error))?;
    let wanted = params.name.as_deref().unwrap_or(&parcel.milestone.name);
    let name = checkpoints::name(wanted)?;
    let place = reading(|| place(peer, &absolute(&params.root)?))?;
    let workspace = Arc::clone(&place.workspace);
    let working = workspace.shared.at_work.begin();
    let restored = restore(peer, &workspace, &mut parcel, &name, params.force).await;
    drop(working);
    let restored = match restored {
        Ok(restored) => restored,
        Err(error) => {
            drop(workspace);
            reading(|| place.leave(peer));
            return Err(error);
        }
    };
    result(&MilestoneImportResult {
        workspace: place.record.id.clone(),
        root: place.record.root.as_path().into(),
        created: place.is_new,
        restored: restored.operation.map(|id| id.0),
        n_changed: restored.n_changed,
        not_covered: restored.not_covered,
        left_out: parcel
            .milestone
            .left_out
            .iter()
            .map(WirePath::from)
            .collect(),
        took_ms: peer.daemon.clock.mono_ns().saturating_sub(started_ns) as f64 / 1e6,
        milestone: restored.milestone,
    })
}

fn open(file: &Path) -> Result<Parcel, MilestoneError> {
    let opened = open_outside(file).map_err(|source| MilestoneError::Io {
        doing: "open the file",
        source,
    })?;
    Parcel::open(opened, &Gauge::new(THREADS))
}

/// Where a milestone goes.
struct Place {
    record: Record,
    workspace: Arc<Workspace>,
    /// It was not watched before.
    is_new: bool,
    /// It was not there before.
    made: Option<PathBuf>,
}

impl Place {
    /// Undoes what was done to have a place.
    fn leave(self, peer: &Peer) {
        if !self.is_new {
            return;
        }
        drop(self.workspace);
        if let Err(error) = peer.daemon.remove(&self.record.workspace_id(), true) {
            tracing::warn!(%error, "a workspace of a failed import is left behind");
        }
        if let Some(made) = self.made
            && let Err(error) = remove_empty_directory(&made)
        {
            tracing::warn!(%error, "a directory of a failed import is left behind");
        }
    }
}

/// The workspace of that root, or one that is made of a directory that is empty or missing.
fn place(peer: &Peer, root: &Path) -> Result<Place, RpcError> {
    let invalid = |text: String| RpcError::new(ErrorKind::Invalid, text);
    let mut made = None;
    match std::fs::read_dir(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let failed = |error| invalid(format!("cannot make `{}`: {error}", root.display()));
            make_directory(root).map_err(failed)?;
            made = Some(root.to_owned());
        }
        Err(error) => return Err(invalid(format!("`{}`: {error}", root.display()))),
        Ok(mut entries) => {
            let is_empty = entries.next().is_none();
            let real = root.canonicalize().unwrap_or_else(|_| root.to_owned());
            let is_watched = peer.daemon.all().iter().any(|(one, _)| one.root == real);
            if !is_empty && !is_watched {
                let text = format!("`{}` is not empty, and not watched", root.display());
                return Err(invalid(text).with_remedy(
                    "`aft watch` it first, so that what is there can be put back; or name an empty directory",
                ));
            }
        }
    }
    match peer.daemon.add(root, None, false) {
        Ok(added) => Ok(Place {
            is_new: added.created,
            record: added.record,
            workspace: added.workspace,
            made,
        }),
        Err(error) => {
            if let Some(made) = made {
                drop(remove_empty_directory(&made));
            }
            Err(of_add(&error))
        }
    }
}

/// What came of it.
struct Restored {
    operation: Option<OperationId>,
    n_changed: u64,
    not_covered: Vec<MilestoneProblem>,
    milestone: aft_rpc::types::milestone::MilestoneView,
}

async fn restore(
    peer: &Arc<Peer>,
    workspace: &Arc<Workspace>,
    parcel: &mut Parcel,
    name: &CheckpointName,
    force: bool,
) -> Result<Restored, RpcError> {
    let milestones = of(workspace)?;
    let taken = workspace.reader.checkpoint(name);
    if taken.map_err(|error| of_read(&error))?.is_some() && !force {
        let text = format!("there is a checkpoint `{}` already", name.as_str());
        return Err(RpcError::new(ErrorKind::Invalid, text)
            .with_remedy("--name gives it another name here, --force moves the name"));
    }
    let gauge = milestones.gauge(THREADS);
    let taken = reading(|| take_contents(workspace, parcel, &gauge));
    let _fresh = Fresh::of(workspace, taken.map_err(|error| of_milestone(&error))?);
    let (operation, n_changed, not_covered) =
        put(peer, workspace, std::mem::take(&mut parcel.entries)).await?;
    reading(|| parcel.lay_history(milestones.shelf(), name))
        .map_err(|error| of_milestone(&error))?;
    let draft = CheckpointDraft {
        name: name.clone(),
        message: parcel.milestone.message.clone(),
        keep: Keep::Permanent,
        metadata: parcel.milestone.metadata.clone(),
        force,
        at: None,
    };
    let kept = begin(workspace, milestones, draft, None).await?;
    // Plan and records of a whole tree are not wanted again.
    aft_os::process::trim_memory();
    Ok(Restored {
        operation,
        n_changed,
        not_covered,
        milestone: view(&kept),
    })
}

/// Spares whoever puts the state there from reading everything once more to know that it can be had.
struct Fresh<'a>(&'a Workspace);

impl<'a> Fresh<'a> {
    fn of(workspace: &'a Workspace, contents: HashSet<ContentId>) -> Self {
        *workspace.shared.fresh.lock() = Arc::new(contents);
        Self(workspace)
    }
}

impl Drop for Fresh<'_> {
    fn drop(&mut self) {
        *self.0.shared.fresh.lock() = Arc::default();
    }
}

/// Puts every content into the history, where nothing names it until the operation does. Tells which were not there.
fn take_contents(
    workspace: &Workspace,
    parcel: &Parcel,
    gauge: &Gauge,
) -> Result<HashSet<ContentId>, MilestoneError> {
    let sink = workspace.sink();
    let fresh = Mutex::new(HashSet::new());
    parcel.unpack(gauge, &|arrived| match arrived {
        Arrived::Whole(id, bytes, frame) => {
            // Asked for, it stays until something names it.
            if workspace.reader.contains(&id).unwrap_or(false) {
                return Ok(());
            }
            let prepared = match frame {
                Some(frame) => aft_store::prepare_framed(id, bytes.len() as u64, frame),
                None => aft_store::prepare_known(id, bytes, None, Level::Fast),
            };
            sink.send(prepared)?;
            fresh.lock().insert(id);
            Ok(())
        }
        Arrived::Stream(id, stream) => {
            workspace.reader.contains(&id).map_err(io::Error::other)?;
            let prepared =
                aft_store::prepare_stream(stream, Level::Fast, &mut |chunk| sink.send(chunk))?;
            if prepared.id() != id {
                let text = "a large content is not what its id says";
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
            sink.send(prepared)
        }
    })?;
    Ok(fresh.into_inner())
}

/// Brings the workspace to the state of the milestone, as one operation.
async fn put(
    peer: &Arc<Peer>,
    workspace: &Workspace,
    mut entries: Vec<(RelPath, FileState)>,
) -> Result<(Option<OperationId>, u64, Vec<MilestoneProblem>), RpcError> {
    let mut tries = 0;
    loop {
        tries += 1;
        let wanted = Asked {
            durable: true,
            ..Asked::default()
        };
        let synced = fence(workspace, None, wanted).await?;
        let busy = || RpcError::new(ErrorKind::Busy, "the workspace is busy; try again");
        let tree = reading(|| workspace.tree()).ok_or_else(busy)?;
        let states: Arc<[_]> = states(&tree, std::mem::take(&mut entries)).into();
        drop(tree);
        let what = GoBack {
            kind: GoBackKind::Put(Arc::clone(&states)),
            dry_run: false,
            expected_head: Some(synced.head),
            expected_plan: None,
            keep_conflicts: false,
            force: false,
            markers: false,
            author: Author::Human,
            session: None,
            note: None,
        };
        let done = ask(workspace, None, |reply| {
            workspace
                .ask(Input::GoBack {
                    what: Box::new(what),
                    reply,
                })
                .is_ok()
        })
        .await;
        match done {
            // Somebody wrote meanwhile; what they wrote is looked at too.
            Err(error) if error.data.kind == ErrorKind::VersionConflict && tries < TRIES => {
                let named = states.iter().filter(|(_, state)| state.exists());
                entries = named.cloned().collect();
            }
            Err(error) => return Err(error),
            Ok(Done::Plan(_)) => return Err(RpcError::internal("asked for no plan")),
            Ok(Done::Ran {
                operation,
                kept,
                not_covered,
                ..
            }) => {
                tracing::debug!(connection = ?peer.role, "a milestone was imported");
                let kept = kept.into_iter().map(problem);
                let left = not_covered.into_iter().map(|one| (one.path, one.reason));
                let n_changed = operation.as_ref().map_or(0, |one| one.changes.len());
                return Ok((
                    operation.map(|operation| operation.id),
                    n_changed as u64,
                    kept.chain(left.map(problem)).take(NAMED_MAX).collect(),
                ));
            }
        }
    }
}

fn problem((path, message): (RelPath, String)) -> MilestoneProblem {
    MilestoneProblem {
        path: Some((&path).into()),
        message,
    }
}

/// What the milestone has, and that everything else goes, except what git ignores: that stays, as in every rollback.
fn states(tree: &Tree, mut states: Vec<(RelPath, FileState)>) -> Vec<(RelPath, FileState)> {
    let named: HashSet<&RelPath> = states.iter().map(|(path, _)| path).collect();
    let mut gone = Vec::new();
    tree.each_beneath(&RelPath::root(), &mut |path, known| {
        if !path.is_root() && !known.ignored && !named.contains(path) {
            gone.push((path.clone(), FileState::Absent));
        }
    });
    states.append(&mut gone);
    states.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    states
}
