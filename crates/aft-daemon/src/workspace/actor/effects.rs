//! What the engine asks for, handed to the worker that does it.
//!
//! Does: give orders to look, errand and writer, place cookies, put an operation into the ring.
//! Does not: wait for any of them, or decide; what they find comes back as events.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use aft_engine::{Effect, Event, JobId, WorkItem};
use aft_model::{FileState, Operation};
use tracing::{info, warn};

use super::super::errand::Errand;
use super::super::githead;
use super::super::look::LookOrder;
use super::super::shared::{Overlap, WorkspaceEvent};
use super::super::writer::Order;
use super::Actor;

impl Actor {
    pub(crate) fn carry_out(&mut self, effects: Vec<Effect>) {
        self.wake_at_ns = None;
        let mut cookies = Vec::new();
        for effect in effects {
            match effect {
                Effect::Capture { job, items } => {
                    self.note_look(job, Some(&items));
                    self.order(LookOrder::paths(job, items, self.engine.tree()))
                }
                Effect::Scan { job, mode } => {
                    self.note_look(job, None);
                    self.order(LookOrder::Tree {
                        job,
                        mode,
                        tree: Arc::clone(self.engine.tree()),
                    });
                }
                Effect::Record(operation) => self.record(*operation),
                Effect::Overlap {
                    operation,
                    sessions,
                    paths,
                    n_paths,
                } => self
                    .shared
                    .publish(WorkspaceEvent::Overlap(Arc::new(Overlap {
                        operation,
                        sessions,
                        paths,
                        n_paths,
                    }))),
                Effect::PlaceCookie(number) => {
                    cookies.push((number, self.watch.place_cookie(number)));
                }
                effect @ (Effect::Gather { .. }
                | Effect::Merge { .. }
                | Effect::Check { .. }
                | Effect::Apply { .. }) => self.send_on_errand(effect),
                Effect::Reply { request, answer } => self.reply(request, answer),
                Effect::WakeAt(due) => self.wake_at_ns = Some(due),
                Effect::State(state) => self.show_state(state),
            }
        }
        let tree = self.engine.tree();
        let mut standing = self.shared.standing.lock();
        standing.n_files = tree.n_files();
        standing.n_bytes = tree.n_bytes();
        drop(standing);
        self.shared
            .n_watches
            .store(self.watch.len() as u64, Ordering::Relaxed);
        self.follow_cookies(cookies);
    }

    fn note_look(&mut self, job: JobId, items: Option<&[WorkItem]>) {
        if let Some(following) = self.shared.following() {
            let now = (self.clock.mono_ns(), self.n_requests);
            self.trail.look_begins(following, job, items, now);
        }
    }

    /// What goes back is looked up, merged, checked and applied by the errand worker.
    fn send_on_errand(&mut self, effect: Effect) {
        let errand = match effect {
            Effect::Gather {
                job,
                what,
                operations,
            } => Errand::Gather {
                job,
                what,
                operations,
                tree: Arc::clone(self.engine.tree()),
            },
            Effect::Merge { job, files } => Errand::Merge { job, files },
            Effect::Check {
                job,
                operation,
                stats,
            } => Errand::Check {
                job,
                operation,
                stats,
            },
            Effect::Apply {
                job,
                operation,
                stats,
                force,
            } => Errand::Apply {
                job,
                operation,
                stats,
                force,
            },
            _ => return,
        };
        self.errand(errand);
    }

    /// A fence begins, perhaps long after it was asked for: where no events come from, it looks itself. After all
    /// other effects, so that nothing overtakes them; the cookie is read at the next turn at the earliest.
    fn follow_cookies(&mut self, cookies: Vec<(u64, std::io::Result<()>)>) {
        if !cookies.is_empty() {
            self.look_at_polled();
        }
        for (number, placed) in cookies {
            if let Err(error) = placed {
                info!(workspace = %self.shared.id, %error, "no cookie; walking instead");
                self.tell(Event::CookieFailed(number));
            }
        }
    }

    pub(super) fn order(&self, order: LookOrder) {
        if self.look.send(order).is_err() {
            warn!(workspace = %self.shared.id, "the look worker has ended");
        }
    }

    pub(super) fn errand(&self, errand: Errand) {
        if self.errand.send(errand).is_err() {
            warn!(workspace = %self.shared.id, "the errand worker has ended");
        }
    }

    fn record(&mut self, mut operation: Operation) {
        operation.head = githead::read(self.root.as_ref());
        let operation = Arc::new(operation);
        let recent = &self.recent;
        let left = self
            .shared
            .ring
            .write()
            .push(Arc::clone(&operation), &|id| recent.get(id));
        if let Some(left) = left {
            self.shared.l2.keep_operation(&left);
        }
        let states = operation
            .changes
            .iter()
            .flat_map(|change| [&change.before, &change.after]);
        recent.drop_all(states.filter_map(FileState::content));
        if self
            .writer
            .send(Order::Operation(Arc::clone(&operation)))
            .is_err()
        {
            warn!(workspace = %self.shared.id, "the writer has ended");
        }
        self.shared.publish(WorkspaceEvent::Operation(operation));
    }
}
