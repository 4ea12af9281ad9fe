//! Who waits for an answer of the engine, and how it is given.
//!
//! Does: remember them by their request; where durability or a name was wanted, let the writer answer.
//! Does not: put an answer into the words of a client.

use aft_engine::{Answer, RequestId};

use super::super::inbox::{
    CheckpointDraft, CheckpointReply, Done, EarlierState, Failure, GoBackReply, SyncReply, Synced,
};
use super::super::writer::{CheckpointOrder, Order};
use super::Actor;

/// Who waits for an answer.
pub(crate) enum Waiting {
    Sync {
        durable: bool,
        reply: SyncReply,
    },
    Checkpoint {
        draft: CheckpointDraft,
        reply: CheckpointReply,
    },
    GoBack(GoBackReply),
}

impl Actor {
    pub(super) fn enlist(&mut self, waiting: Waiting) -> RequestId {
        self.n_requests += 1;
        let request = RequestId(self.n_requests);
        self.requests.insert(request, waiting);
        request
    }

    pub(super) fn reply(&mut self, request: RequestId, answer: Answer) {
        if matches!(answer, Answer::Synced(_)) {
            self.trail.fence_is_true(request);
        }
        let Some(waiting) = self.requests.remove(&request) else {
            return;
        };
        match waiting {
            Waiting::Sync { durable, reply } => self.reply_sync(durable, reply, answer),
            Waiting::Checkpoint { draft, reply } => self.reply_checkpoint(draft, reply, answer),
            Waiting::GoBack(reply) => {
                reply(Done::from_answer(answer));
                self.shared.answered.add();
            }
        }
    }

    fn reply_sync(&self, durable: bool, reply: SyncReply, answer: Answer) {
        match answer {
            Answer::Synced(synced) if durable => {
                let done = Synced {
                    head: synced.head,
                    fence: synced.fence,
                    durable: true,
                };
                let order = Order::Flush(Box::new(move |flushed| reply(flushed.map(|()| done))));
                drop(self.writer.send(order));
            }
            Answer::Synced(synced) => reply(Ok(Synced {
                head: synced.head,
                fence: synced.fence,
                durable: false,
            })),
            Answer::Refused(refusal) => reply(Err(Failure::Refused(refusal))),
            Answer::Plan(_) | Answer::Done { .. } => reply(Err(Failure::Closing)),
        }
    }

    fn reply_checkpoint(&self, draft: CheckpointDraft, reply: CheckpointReply, answer: Answer) {
        match answer {
            Answer::Synced(synced) => {
                let tree = self.engine.tree();
                let named = draft.at.unwrap_or_else(|| EarlierState {
                    operation: synced.head,
                    n_files: tree.n_files(),
                    n_bytes: tree.n_bytes(),
                });
                let order = CheckpointOrder {
                    operation: named.operation,
                    draft,
                    time_ns: self.clock.wall_ns(),
                    n_files: named.n_files,
                    n_bytes: named.n_bytes,
                    reply,
                };
                drop(self.writer.send(Order::Checkpoint(Box::new(order))));
            }
            Answer::Refused(refusal) => reply(Err(Failure::Refused(refusal))),
            Answer::Plan(_) | Answer::Done { .. } => reply(Err(Failure::Closing)),
        }
    }
}
