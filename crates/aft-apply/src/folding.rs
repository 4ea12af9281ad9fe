//! Names that a file system takes for one: where case does not count, two files of a plan could end in one another.
//! Does: find the steps that would, before anything is touched.
//! Does not: know how a letter can be put together; a second name of that kind is found when it is made, as a conflict
//! of that path alone.

use std::collections::{HashMap, HashSet};

use aft_model::RelPath;

use crate::task::Step;

/// The steps, by index, that make a name which another step of the plan makes in other letters.
pub(crate) fn collisions(steps: &[Step<'_>]) -> HashSet<usize> {
    let mut made: HashMap<(RelPath, String), Vec<usize>> = HashMap::new();
    for step in steps.iter().filter(|step| step.target.exists()) {
        if let Some((parent, name)) = step.change.path.split() {
            let folded = String::from_utf8_lossy(name).to_lowercase();
            made.entry((parent, folded)).or_default().push(step.index);
        }
    }
    let taken_twice = made.into_values().filter(|steps| steps.len() > 1);
    taken_twice.flatten().collect()
}

#[cfg(test)]
mod tests;
