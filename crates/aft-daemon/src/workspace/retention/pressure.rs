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
/// Thinning goes no further than this.
const HARDEST: u32 = 40;
/// Pause after one that did not help, in the time that it took, and its bounds.
const PAUSE_TIMES: u64 = 20;
const PAUSE_MIN_NS: u64 = 500_000_000;
const PAUSE_MAX_NS: u64 = 30_000_000_000;

impl Scribe {
    /// Whether thinning harder brought the store below its cap; if not, the next round is harder still.
    pub(super) fn relieve(&mut self, now_ns: u64) {
        self.note_size();
        let keeping = &mut self.state.keeping;
        if keeping.hardness == 0 {
            return;
        }
        let is_relieved = self.shared.space.standing().is_relieved();
        if !is_relieved && keeping.hardness < HARDEST {
            keeping.hardness += 4;
            return;
        }
        keeping.hardness = 0;
        // Much has to come before a store that was relieved is near its cap again. One that could not be made smaller
        // is let alone for a while.
        let took_ns = now_ns.saturating_sub(keeping.press_began_ns);
        let pause_ns = PAUSE_TIMES.saturating_mul(took_ns);
        keeping.pressed_ns =
            (!is_relieved).then(|| now_ns + pause_ns.clamp(PAUSE_MIN_NS, PAUSE_MAX_NS));
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
            keeping.press_began_ns = now_ns;
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
