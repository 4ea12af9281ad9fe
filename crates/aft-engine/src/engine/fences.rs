//! Moving fences from stage to stage.

use std::sync::Arc;

use super::{Engine, LookKind};
use crate::claims::Named;
use crate::event::{Answer, Effect, FenceKind, JobId, Now, Refusal, WorkspaceState};
use crate::fence::{Fence, Stage, Waiter};

impl Engine {
    /// Sets up a fence: everything that happened in the workspace before now.
    pub(super) fn fence(&mut self, now: Now, waiter: Waiter, strict: bool) {
        let kind = if strict {
            FenceKind::Strict
        } else {
            FenceKind::Cookie
        };
        match self.state {
            WorkspaceState::Detached => self.refuse(&waiter, Refusal::Detached),
            WorkspaceState::Arming => self.fences.push(Fence {
                waiter,
                stage: Stage::Unarmed,
                strict,
                kind,
            }),
            WorkspaceState::Armed => {
                let stage = self.place_cookie(now);
                self.fences.push(Fence {
                    waiter,
                    stage,
                    strict,
                    kind,
                });
            }
        }
    }

    /// In what is in force, in what was gathered under it, and in what comes into force when a fence is true.
    pub(super) fn name_paths(&mut self, named: &Named) {
        let burst = self.burst.as_mut().map(|burst| &mut burst.claims);
        let waiting = self.fences.iter_mut().filter_map(|fence| {
            if let Waiter::Attribute(_, claims) = &mut fence.waiter {
                Some(claims)
            } else {
                None
            }
        });
        for claims in std::iter::once(&mut self.claims)
            .chain(burst)
            .chain(waiting)
        {
            Arc::make_mut(claims).narrow(named);
        }
    }

    fn place_cookie(&mut self, now: Now) -> Stage {
        self.n_cookies += 1;
        self.effects.push(Effect::PlaceCookie(self.n_cookies));
        Stage::Cookie {
            number: self.n_cookies,
            deadline_ns: now.mono_ns + self.settings.cookie_max_ns,
        }
    }

    pub(super) fn cookie_seen(&mut self, seen: u64) {
        for fence in &mut self.fences {
            if matches!(fence.stage, Stage::Cookie { number, .. } if number == seen) {
                fence.stage = if fence.strict {
                    Stage::WantsScan
                } else {
                    Stage::Drain
                };
            }
        }
    }

    /// The queue overflowed: cookies in it may be lost. The walk that follows starts after these fences
    /// were asked for, so it makes them true.
    pub(super) fn fences_lose_cookies(&mut self) {
        for fence in &mut self.fences {
            if matches!(fence.stage, Stage::Cookie { .. }) {
                fence.stage = Stage::WantsScan;
                fence.kind = FenceKind::Rescan;
            }
        }
    }

    pub(super) fn cookie_failed(&mut self, failed: u64) {
        for fence in &mut self.fences {
            if matches!(fence.stage, Stage::Cookie { number, .. } if number == failed) {
                fence.stage = Stage::WantsScan;
                fence.kind = FenceKind::Rescan;
            }
        }
    }

    pub(super) fn expire_cookies(&mut self, now: Now) {
        for fence in &mut self.fences {
            if matches!(fence.stage, Stage::Cookie { deadline_ns, .. } if now.mono_ns >= deadline_ns)
            {
                fence.stage = Stage::WantsScan;
                fence.kind = FenceKind::Rescan;
            }
        }
    }

    pub(super) fn next_cookie_deadline(&self) -> Option<u64> {
        let deadline = |fence: &Fence| match fence.stage {
            Stage::Cookie { deadline_ns, .. } => Some(deadline_ns),
            _ => None,
        };
        self.fences.iter().filter_map(deadline).min()
    }

    /// A look begins: the fences that waited for one are true when it is done.
    pub(super) fn fences_join(&mut self, job: JobId) {
        let is_tree = self
            .looking
            .is_none_or(|look| matches!(look.kind, LookKind::Tree(_)));
        for fence in &mut self.fences {
            if fence.stage == Stage::Drain || (fence.stage == Stage::WantsScan && is_tree) {
                fence.stage = Stage::Job(job);
            }
        }
    }

    /// The look that these fences waited for found more to be looked at.
    pub(super) fn fences_wait_again(&mut self, done: JobId) {
        for fence in &mut self.fences {
            if fence.stage == Stage::Job(done) {
                fence.stage = Stage::Drain;
            }
        }
    }

    /// Nothing is left to be looked at: the fences that waited for a look need none.
    pub(super) fn fences_skip_look(&mut self) {
        let head = self.head;
        let mut drained = false;
        for fence in self
            .fences
            .iter_mut()
            .filter(|fence| fence.stage == Stage::Drain)
        {
            fence.stage = Stage::Recording(head);
            drained = true;
        }
        if drained {
            self.fences_want_record();
        }
    }

    fn fences_want_record(&mut self) {
        // `Recording` is set before the burst is ended, so it is moved to what the burst became.
        self.fences_recording_pending = true;
    }

    /// Ends the burst for fences whose look is done, and answers those whose operation is recorded.
    pub(super) fn answer_fences(&mut self, now: Now) {
        self.unarmed_fences(now);
        let looking = self.looking.map(|look| look.job);
        let looked = |fence: &Fence| matches!(fence.stage, Stage::Job(job) if Some(job) != looking);
        let pending = std::mem::take(&mut self.fences_recording_pending);
        if pending || self.fences.iter().any(looked) {
            self.end_burst(now);
        }
        let head = self.head;
        for fence in &mut self.fences {
            if looked(fence) || (pending && matches!(fence.stage, Stage::Recording(_))) {
                fence.stage = Stage::Recording(head);
            }
        }
        if let Some(reason) = self.why_behind() {
            self.refuse_unrecorded(&reason);
        }
        let recorded = self.recorded;
        let mut at = 0;
        while let Some(fence) = self.fences.get(at) {
            if matches!(fence.stage, Stage::Recording(through) if recorded >= through) {
                let fence = self.fences.remove(at);
                self.fence_is_true(fence);
            } else {
                at += 1;
            }
        }
        if let Some(reason) = self.store_failed.clone() {
            self.refuse_unrecorded(&reason);
        }
    }

    /// Why something that was seen is not in the history and will not be soon, if so: no fence is true then.
    pub(super) fn why_behind(&self) -> Option<String> {
        let why = || "the store does not take contents as fast as they come".to_owned();
        self.is_behind()
            .then(|| self.store_failed.clone().unwrap_or_else(why))
    }

    /// The store cannot be written: who waits for an operation to be recorded is told, rather than left waiting
    /// for room that may never come. The operation itself stays with the writer.
    fn refuse_unrecorded(&mut self, reason: &str) {
        let recording = |fence: &Fence| matches!(fence.stage, Stage::Recording(_));
        let (stuck, rest) = std::mem::take(&mut self.fences)
            .into_iter()
            .partition(recording);
        self.fences = rest;
        let stuck: Vec<Fence> = stuck;
        for fence in stuck {
            self.refuse(&fence.waiter, Refusal::StoreFailed(reason.to_owned()));
        }
    }

    fn unarmed_fences(&mut self, now: Now) {
        let scanning = self
            .looking
            .is_some_and(|look| matches!(look.kind, LookKind::Tree(_)));
        if self.state == WorkspaceState::Arming
            && !scanning
            && self.recorded >= self.head
            && self.burst.is_none()
        {
            self.set_state(WorkspaceState::Armed);
        }
        if self.state != WorkspaceState::Armed {
            return;
        }
        for at in 0..self.fences.len() {
            if self
                .fences
                .get(at)
                .is_some_and(|fence| fence.stage == Stage::Unarmed)
            {
                let stage = self.place_cookie(now);
                if let Some(fence) = self.fences.get_mut(at) {
                    fence.stage = stage;
                }
            }
        }
    }

    fn fence_is_true(&mut self, fence: Fence) {
        match fence.waiter {
            Waiter::Client(request) => self.reply_synced(request, fence.kind),
            Waiter::GoBack => self.back_fenced(),
            Waiter::Attribute(request, claims) => {
                self.claims = claims;
                self.reply_synced(request, fence.kind);
            }
        }
    }

    fn refuse(&mut self, waiter: &Waiter, refusal: Refusal) {
        match waiter {
            Waiter::Client(request) | Waiter::Attribute(request, _) => {
                self.effects.push(Effect::Reply {
                    request: *request,
                    answer: Answer::Refused(refusal),
                });
            }
            Waiter::GoBack => self.refuse_front(refusal),
        }
    }

    /// The root is gone: nobody can be answered as if it were there.
    pub(super) fn refuse_everything(&mut self) {
        for fence in std::mem::take(&mut self.fences) {
            self.refuse(&fence.waiter, Refusal::Detached);
        }
        self.refuse_back();
    }
}
