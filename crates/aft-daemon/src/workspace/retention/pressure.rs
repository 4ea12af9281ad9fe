//! The cap and the free space of the disk: watched at every turn of the writer.
//!
//! Does: say how much the store takes, have the history thinned harder where the cap is near, and say it where no contents
//! are stored.
//! Does not: decide what goes; `retention` does.

use aft_engine::Event;

use super::super::inbox::Input;
use super::super::shared::SaveState;
use super::super::writer::Scribe;

/// A tenth of a small disk would be no history at all.
const DISK_PART_MIN: u64 = 1 << 30;
/// Pause between two tries of what was too large.
const RETRY_NS: u64 = 5_000_000_000;
/// Pause between two looks at the disk.
const LOOK_NS: u64 = 500_000_000;
/// Pause between two at the cap.
const PRESSED_NS: u64 = 30_000_000_000;

impl Scribe {
    /// Whether thinning harder brought the store below its cap; if not, the next round is harder still.
    pub(super) fn relieve(&mut self, now_ns: u64) {
        self.note_size();
        let keeping = &mut self.state.keeping;
        if keeping.hardness == 0 {
            return;
        }
        if self.shared.space.standing().is_relieved() || keeping.hardness >= 40 {
            keeping.hardness = 0;
            keeping.pressed_ns = Some(now_ns + PRESSED_NS);
        } else {
            keeping.hardness += 4;
        }
    }

    /// Tells everybody who shares the cap how much this store takes, and the store how much it may take to make room.
    fn note_size(&mut self) {
        let used = self.store.size();
        let arrived = std::mem::take(&mut self.state.arrived);
        let space = &self.shared.space;
        space.note(used, arrived, self.state.keeping.cap);
        self.store.note_spare(space.standing().spare());
    }

    /// Looks at how much the store takes, and at its disk from time to time; says so where it may not grow.
    pub(in crate::workspace) fn watch_space(&mut self) {
        let now_ns = self.clock.mono_ns();
        let keeping = &mut self.state.keeping;
        if keeping
            .looked_ns
            .is_none_or(|at| now_ns.saturating_sub(at) >= LOOK_NS)
        {
            keeping.looked_ns = Some(now_ns);
            let (free, disk) = self.store.room().unwrap_or((u64::MAX, u64::MAX));
            keeping.cap = keeping.config.cap.0.min((disk / 10).max(DISK_PART_MIN));
            // A small disk has less to spare, and one without a size is none.
            let floor = if disk == u64::MAX {
                0
            } else {
                keeping.config.free_min.0.min(disk / 20)
            };
            self.shared.space.note_short(free < floor);
        }
        if keeping.retry_ns.is_none_or(|at| at <= now_ns) && self.shared.space.try_again() {
            keeping.retry_ns = Some(now_ns + RETRY_NS);
        }
        self.note_size();
        let standing = self.shared.space.standing();
        let keeping = &mut self.state.keeping;
        let is_due = keeping.pressed_ns.is_none_or(|at| at <= now_ns);
        // Where one history fills the cap, the others need not give up theirs.
        if keeping.hardness == 0 && is_due && standing.is_near() && standing.is_large {
            keeping.hardness = 1;
        }
        match self.shared.space.refusal() {
            Some(reason) => {
                let event = Event::StoreFailed(reason.clone());
                drop(self.results.try_send(Input::Event(Box::new(event))));
                self.shared
                    .set_save(SaveState::Error { reason, retry_s: 5 });
                self.state.keeping.was_refused = true;
            }
            None if std::mem::take(&mut self.state.keeping.was_refused) => {
                drop(self.results.try_send(Input::Wake));
                self.shared.set_save(SaveState::Saved);
            }
            None => {}
        }
    }
}
