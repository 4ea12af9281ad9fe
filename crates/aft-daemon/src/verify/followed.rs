//! What followed from a verdict, kept beside it: an operation is never changed, and what broke the state is found after a rule
//! has gone back.
//!
//! Does: put the report into the verdict that led to it, and find it again by the operation that went back.
//! Does not: act, search, or keep the report of an attempt, which its name carries.

use aft_model::{OperationId, Verdict};
use aft_rpc::types::acted::Acted;
use aft_store::{ReadError, Reader};

use super::verdicts::{self, Details};

/// Reports that are kept with one verdict: a state may be come to again, and gone back from again.
const KEPT: usize = 8;

/// The verdict with this report; `None` where it is none of those that the report names, or does not read.
pub(super) fn with(verdict: &Verdict, acted: &Acted) -> Option<Verdict> {
    let led = acted.checks.first()?;
    if led.check != verdict.check {
        return None;
    }
    let mut details: Details = serde_json::from_str(&verdict.details).ok()?;
    // A suggestion is made again and again while a state fails; the newest says it all.
    details
        .acted
        .retain(|before| before.operation.is_some() && before.operation != acted.operation);
    details.acted.push(acted.clone());
    let n_old = details.acted.len().saturating_sub(KEPT);
    details.acted.drain(..n_old);
    Some(Verdict {
        details: details.text(),
        ..verdict.clone()
    })
}

/// The report of the way back that this operation is.
pub(crate) fn of(reader: &Reader, operation: OperationId) -> Result<Option<Acted>, ReadError> {
    let mut found = None;
    verdicts::each(reader, &mut |verdict| {
        if verdict.operation < operation && verdict.details.contains("\"acted\":[") {
            let mut acted = Details::of(&verdict).acted.into_iter();
            found = acted.find(|acted| acted.operation == Some(operation.0));
        }
        found.is_none()
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests;
