//! Which parts of an operation broke a check: states that never were, with some of its parts taken out.
//!
//! Does: have [`aft_engine::bisect::parts`] choose what to take out, look at what is left in a scratch tree.
//! Does not: divide a change into parts, or name one; whoever asks does.

use std::collections::BTreeSet;
use std::sync::Arc;

use aft_engine::bisect::parts::Culprits;

use super::{Failed, Look, Search};
use crate::verify::queue::Checks;
use crate::verify::run::Cancel;
use crate::verify::scratch::Wanted;

/// Looks after which what is known must do.
const LOOKS_MAX: usize = 64;

/// What came of a search.
#[derive(Clone, Debug)]
pub(crate) struct FoundParts {
    /// Without these it does not fail.
    pub(crate) parts: BTreeSet<usize>,
    /// It fails with any of them alone put back.
    pub(crate) is_least: bool,
    /// What was taken out, and what was seen then.
    pub(crate) looks: Vec<(BTreeSet<usize>, Look)>,
}

/// Makes the state of the bad operation without some of its parts.
pub(crate) type WithoutParts<'a> = dyn Fn(&BTreeSet<usize>) -> Wanted + 'a;

impl Checks {
    /// Which of the `n` parts of an operation that broke it did. Blocks its thread. With all of them out it must be good.
    ///
    /// # Errors
    /// [`Failed`].
    pub(crate) fn bisect_parts(
        self: &Arc<Self>,
        search: &Search,
        n: usize,
        without: &WithoutParts<'_>,
        cancel: &Cancel,
    ) -> Result<FoundParts, Failed> {
        let mut culprits = Culprits::new(n);
        let mut looks = Vec::new();
        while looks.len() < LOOKS_MAX {
            let places = culprits.next(search.at_once);
            if places.is_empty() {
                break;
            }
            let wanted: Vec<(usize, Wanted)> = places
                .into_iter()
                .map(|place| (place, without(&culprits.without(place))))
                .collect();
            let looked = self.looks(search, &wanted, cancel)?;
            let seen: Vec<_> = looked.iter().map(|(at, look)| (*at, look.seen)).collect();
            let taken = |(at, look)| (culprits.without(at), look);
            looks.extend(looked.into_iter().map(taken));
            culprits.see(seen);
        }
        Ok(FoundParts {
            parts: culprits.enough(),
            is_least: culprits.is_least(),
            looks,
        })
    }
}
