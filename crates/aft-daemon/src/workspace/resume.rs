//! Taking up a history where it ended.
//!
//! Does: read the newest tree and the walk of undo and redo.
//! Does not: start anything.

use aft_engine::{Journey, Start, Tree};
use aft_model::{Known, OperationId};
use aft_store::{Filter, Reader};
use tracing::info;

use super::boot;
use super::open::{OpenError, Parts};

/// Operations looked back on for the walk of undo and redo.
const JOURNEY_BACK: usize = 1000;
/// Operations read at once while the tree is built.
const PAGE: usize = 256;

/// Where the engine begins.
pub(super) struct Resumed {
    pub(super) start: Start,
    pub(super) next: OperationId,
}

/// Takes up the history where it ended: the newest tree and the walk of undo and redo.
pub(super) fn resume(
    reader: &Reader,
    next: OperationId,
    parts: &Parts,
) -> Result<Resumed, OpenError> {
    let head = reader.head();
    if head == OperationId::NONE {
        return Ok(Resumed {
            start: Start::Fresh,
            next,
        });
    }
    let tree = newest_tree(reader, parts.boot.is_same())?;
    let mut journey = Journey::default();
    let back = reader.operations(&Filter::default(), None, JOURNEY_BACK)?;
    for summary in back.iter().rev() {
        journey.follow_operation(&summary.operation);
    }
    info!(workspace = %parts.shared.id, head = head.0, files = tree.n_files(), "history taken up");
    Ok(Resumed {
        start: Start::Resume {
            tree,
            head,
            journey,
        },
        next,
    })
}

/// The tree after the newest operation.
pub(super) fn newest_tree(reader: &Reader, same_boot: bool) -> Result<Tree, aft_store::ReadError> {
    let (mut at, mut tree) = match reader.load_keyframe() {
        Some((at, mut entries)) => {
            if !same_boot {
                boot::doubt(&mut entries);
            }
            (at, Tree::from_entries(entries))
        }
        None => (OperationId::NONE, Tree::new()),
    };
    loop {
        let page = reader.operations_after(at, PAGE)?;
        let Some(last) = page.last() else { break };
        at = last.operation.id;
        for summary in page {
            let operation = if summary.is_whole() {
                Some(summary.operation)
            } else {
                reader.operation(summary.operation.id)?
            };
            for change in operation.iter().flat_map(|operation| &operation.changes) {
                tree.set(
                    &change.path,
                    Known {
                        state: change.after,
                        stat: None,
                        ignored: false,
                    },
                );
            }
        }
    }
    Ok(tree)
}
