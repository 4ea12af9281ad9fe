//! What clients ask for, and what is remembered of the moment they asked.

use std::sync::Arc;

use aft_daemon::workspace::{CheckpointDraft, Done, Failure, Synced};
use aft_engine::{GoBack, GoBackKind, Selection};
use aft_model::{Author, Checkpoint, CheckpointName, Keep, OperationId, RelPath};
use aft_testkit::manifest::Manifest;
use parking_lot::Mutex;

use super::run::Run;

/// Called once with the answer to a wish to go back.
type GoBackReply = Box<dyn FnOnce(Result<Done, Failure>) + Send>;

/// A request under way.
#[derive(Debug)]
pub(super) struct Asked {
    /// How many actions were done before it was asked.
    pub(super) since: usize,
    /// The tree as it was then.
    pub(super) disk: Manifest,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    Sync,
    Checkpoint,
    Back(GoBack),
}

/// An answer that came.
pub(super) enum Answer {
    Sync(Result<Synced, Failure>),
    Checkpoint(Result<Checkpoint, Failure>),
    Back(Result<Done, Failure>),
}

/// Answers as they come, with the request's number.
#[derive(Clone, Default)]
pub(super) struct Answers(Arc<Mutex<Vec<(u64, Answer)>>>);

impl Answers {
    pub(super) fn take(&self) -> Vec<(u64, Answer)> {
        std::mem::take(&mut self.0.lock())
    }

    /// How many came and were not taken.
    pub(super) fn len(&self) -> usize {
        self.0.lock().len()
    }

    /// Where the answer to a wish to go back goes.
    pub(super) fn back(&self, request: u64) -> GoBackReply {
        let answers = self.clone();
        Box::new(move |answer| answers.put(request, Answer::Back(answer)))
    }

    fn put(&self, request: u64, answer: Answer) {
        self.0.lock().push((request, answer));
    }
}

impl Run {
    /// Some client asks for something.
    pub(super) fn ask(&mut self) {
        match self.rng.below(100) {
            0..40 => self.sync(false),
            40..50 => self.sync(true),
            50..65 => self.checkpoint(),
            _ => self.go_back(),
        }
    }

    fn enlist(&mut self, what: What) -> u64 {
        self.n_requests += 1;
        self.log.say(format!("ask {}: {what:?}", self.n_requests));
        let asked = Asked {
            since: self.users.now(),
            disk: self.world.root.manifest(),
            what,
        };
        self.asked.insert(self.n_requests, asked);
        self.n_requests
    }

    pub(super) fn sync(&mut self, strict: bool) {
        let id = self.enlist(What::Sync);
        let (durable, answers) = (self.rng.chance(400), self.answers.clone());
        if let Some(workspace) = &self.workspace {
            workspace.sync(
                strict,
                durable,
                Box::new(move |answer| answers.put(id, Answer::Sync(answer))),
            );
        }
    }

    fn checkpoint(&mut self) {
        let id = self.enlist(What::Checkpoint);
        let Ok(name) = CheckpointName::new(&format!("mark {id}")) else {
            return;
        };
        let draft = CheckpointDraft {
            name,
            message: None,
            keep: Keep::User,
            metadata: None,
            force: false,
            at: None,
        };
        let answers = self.answers.clone();
        if let Some(workspace) = &self.workspace {
            workspace.checkpoint(
                draft,
                Box::new(move |answer| answers.put(id, Answer::Checkpoint(answer))),
            );
        }
    }

    fn go_back(&mut self) {
        let kind = self.draw_kind();
        let what = GoBack {
            kind,
            dry_run: self.rng.chance(60),
            expected_head: None,
            expected_plan: None,
            keep_conflicts: self.rng.chance(600),
            force: self.rng.chance(300),
            markers: self.rng.chance(150),
            author: Author::Human,
            session: None,
            note: None,
        };
        let id = self.enlist(What::Back(what.clone()));
        if let Some(workspace) = &self.workspace {
            workspace.go_back(what, self.answers.back(id));
        }
    }

    fn draw_kind(&mut self) -> GoBackKind {
        let ids = self.history.ids.clone();
        let point = OperationId(self.rng.pick(&ids).copied().unwrap_or(0));
        match self.rng.below(11) {
            10 => {
                // As for a session or a turn: operations of one, with others between them.
                let mut chosen: Vec<u64> = (0..1 + self.rng.below(5))
                    .filter_map(|_| self.rng.pick(&ids).copied())
                    .collect();
                chosen.sort_unstable();
                chosen.dedup();
                GoBackKind::UndoAll(chosen.into_iter().rev().map(OperationId).collect())
            }
            0..3 => GoBackKind::Undo(1 + self.rng.below(3)),
            3..5 => GoBackKind::Redo(1 + self.rng.below(2)),
            5 => GoBackKind::UndoOperation(point),
            6..8 => GoBackKind::To {
                point,
                selection: Selection::default(),
                restore: false,
            },
            _ => {
                let paths: Vec<RelPath> = self.history.states_at(point).into_keys().collect();
                let chosen = (0..1 + self.rng.below(3))
                    .filter_map(|_| self.rng.pick(&paths).cloned())
                    .collect();
                GoBackKind::To {
                    point,
                    selection: Selection(chosen),
                    restore: self.rng.chance(700),
                }
            }
        }
    }
}
