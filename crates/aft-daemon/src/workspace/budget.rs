//! What all histories beneath one store directory take together: the cap is one for all of them.
//!
//! Does: add up what open histories take and what is on its way to them, with what lies there besides; say whether more
//! fits, in one step with taking it.
//! Does not: measure anything, know the disk, or make room.

use std::collections::BTreeMap;

use aft_model::WorkspaceId;
use parking_lot::Mutex;

/// Of the cap a part is left to what makes room: a segment is written anew before the old one goes.
const SPARE_PART: u64 = 16;
/// More than this no collection takes.
const SPARE_MAX: u64 = 64 << 20;

/// Sums over all histories.
#[derive(Debug, Default)]
pub(crate) struct Budget(Mutex<Sums>);

#[derive(Debug, Default)]
struct Sums {
    open: BTreeMap<WorkspaceId, Member>,
    used: u64,
    coming: u64,
    /// Histories that are not open, and whatever else lies there.
    elsewhere: u64,
    cap: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Member {
    used: u64,
    coming: u64,
}

/// How the cap stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Bytes of all histories, and of what is on its way to them.
    pub(crate) total: u64,
    /// Of those, what no open history takes.
    pub(crate) elsewhere: u64,
    pub(crate) cap: u64,
    /// This history takes at least as much as an open one does on the average.
    pub(crate) is_large: bool,
}

impl Standing {
    /// What may still be written to make room.
    pub(crate) fn spare(&self) -> u64 {
        self.cap.saturating_sub(self.total)
    }

    /// Bytes from which no contents are taken.
    fn limit(&self) -> u64 {
        self.cap - spare_of(self.cap)
    }

    /// True where no content is taken any more.
    pub(crate) fn is_full(&self) -> bool {
        self.total >= self.limit()
    }

    /// True where room should be made.
    pub(crate) fn is_near(&self) -> bool {
        self.total >= self.limit() / 10 * 9
    }

    /// True where enough room was made.
    pub(crate) fn is_relieved(&self) -> bool {
        self.total < self.limit() / 10 * 8
    }
}

fn spare_of(cap: u64) -> u64 {
    (cap / SPARE_PART).min(SPARE_MAX)
}

impl Sums {
    fn total(&self) -> u64 {
        self.used
            .saturating_add(self.coming)
            .saturating_add(self.elsewhere)
    }

    fn standing(&self, id: &WorkspaceId) -> Standing {
        let own = self.open.get(id).map_or(0, |member| member.used);
        let n_open = self.open.len().max(1) as u64;
        Standing {
            total: self.total(),
            elsewhere: self.elsewhere,
            cap: self.cap.unwrap_or(u64::MAX),
            is_large: own >= self.used / n_open,
        }
    }
}

impl Budget {
    /// This history takes so many bytes now, contents counted that were on their way to it and have arrived.
    pub(crate) fn note(&self, id: &WorkspaceId, used: u64, arrived: u64, cap: u64) {
        let mut sums = self.0.lock();
        sums.cap = Some(cap);
        let member = sums.open.entry(id.clone()).or_default();
        let (before, arrived) = (member.used, arrived.min(member.coming));
        member.used = used;
        member.coming -= arrived;
        sums.used = sums.used - before + used;
        sums.coming -= arrived;
    }

    /// True where a content of so many bytes may be stored; it is counted from here on.
    pub(crate) fn take(&self, id: &WorkspaceId, bytes: u64) -> bool {
        let mut sums = self.0.lock();
        let standing = sums.standing(id);
        if standing.total.saturating_add(bytes) >= standing.limit() {
            return false;
        }
        sums.open.entry(id.clone()).or_default().coming += bytes;
        sums.coming += bytes;
        true
    }

    /// Nobody works on this history any more; what it takes stays there.
    pub(crate) fn leave(&self, id: &WorkspaceId) {
        let mut sums = self.0.lock();
        if let Some(member) = sums.open.remove(id) {
            sums.used -= member.used;
            sums.coming -= member.coming;
            sums.elsewhere += member.used;
        }
    }

    /// Measures what no open history takes: `measure` is given who is open.
    pub(crate) fn measure(&self, measure: impl FnOnce(&dyn Fn(&str) -> bool) -> u64) {
        let open: Vec<WorkspaceId> = self.0.lock().open.keys().cloned().collect();
        let elsewhere = measure(&|id| open.iter().any(|open| open.0 == id));
        self.0.lock().elsewhere = elsewhere;
    }

    /// What lies beside a history took so many bytes when it was counted last, and takes so many now.
    pub(crate) fn note_beside(&self, before: u64, now: u64) {
        let mut sums = self.0.lock();
        sums.elsewhere = sums.elsewhere.saturating_add(now).saturating_sub(before);
    }

    /// How the cap stands, for this history.
    pub(crate) fn standing(&self, id: &WorkspaceId) -> Standing {
        self.0.lock().standing(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAP: u64 = 1600;

    fn id(name: &str) -> WorkspaceId {
        WorkspaceId(name.to_owned())
    }

    #[test]
    fn one_cap_holds_over_all_histories_and_what_is_on_its_way() {
        let budget = Budget::default();
        let (one, two) = (id("one"), id("two"));
        assert!(budget.take(&one, 1 << 40), "nobody has said how much fits");
        budget.note(&one, 0, 1 << 40, CAP);
        budget.note(&two, 700, 0, CAP);
        assert!(budget.take(&one, 700));
        assert!(!budget.take(&two, 100), "1500 is kept free for making room");
        assert!(!budget.take(&one, 100));
        // What arrived is counted once.
        budget.note(&one, 650, 700, CAP);
        assert_eq!(budget.standing(&one).total, 1350);
        assert!(budget.standing(&two).is_large && !budget.standing(&one).is_large);
        assert!(budget.standing(&two).is_near() && !budget.standing(&two).is_full());
    }

    #[test]
    fn a_history_that_is_closed_still_takes_its_room() {
        let budget = Budget::default();
        let (one, two) = (id("one"), id("two"));
        budget.note(&one, 900, 0, CAP);
        budget.note(&two, 100, 0, CAP);
        budget.leave(&one);
        budget.leave(&one);
        assert_eq!(budget.standing(&two).total, 1000);
        assert_eq!(budget.standing(&two).elsewhere, 900);
        assert!(!budget.take(&two, 500) && budget.take(&two, 400));
        budget.measure(|is_open| {
            assert!(is_open("two") && !is_open("one"));
            20
        });
        assert_eq!(budget.standing(&two).total, 520);
        assert!(budget.standing(&two).is_relieved());
    }

    #[test]
    fn what_lies_beside_a_history_counts_as_it_comes_and_goes() {
        let budget = Budget::default();
        let one = id("one");
        budget.note(&one, 100, 0, CAP);
        budget.note_beside(0, 700);
        budget.note_beside(700, 600);
        assert_eq!(budget.standing(&one).total, 700);
        assert!(!budget.take(&one, 800) && budget.take(&one, 700));
        budget.measure(|_| 600);
        budget.note_beside(600, 0);
        assert_eq!(budget.standing(&one).elsewhere, 0);
        budget.note_beside(5, 0);
        assert_eq!(
            budget.standing(&one).elsewhere,
            0,
            "nothing is less than nothing"
        );
    }
}
