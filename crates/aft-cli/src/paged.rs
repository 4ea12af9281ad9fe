//! Lists that come in pages: asked for until there is no more or enough.
//!
//! Does not: stream; `aft log`, whose list may be endless, prints page by page.

use aft_rpc::methods::Call;
use aft_rpc::types::audit::AuditListParams;
use aft_rpc::types::checkpoint::CheckpointListParams;
use aft_rpc::types::file::FileHistoryParams;
use aft_rpc::types::milestone::MilestoneListParams;
use aft_rpc::types::session::SessionListParams;
use aft_rpc::types::verify::VerifyListParams;

use crate::context::{Context, read};
use crate::failure::Failure;

/// Parameters whose result is a page.
pub(crate) trait Pages: Call {
    /// At most that many are wanted.
    fn limit(&self) -> Option<u64>;
    /// Asks for the page after the one that gave `cursor`, with at most `left` more.
    fn go_on(&mut self, cursor: String, left: Option<u64>);
    /// Where the next page begins.
    fn cursor(page: &Self::Result) -> Option<&String>;
    fn len(page: &Self::Result) -> u64;
    /// Adds a page to those before.
    fn add(all: &mut Self::Result, page: Self::Result);
}

macro_rules! pages {
    ($($params:ty => $field:ident $(with $last:ident)?),+) => {$(
        impl Pages for $params {
            fn limit(&self) -> Option<u64> {
                self.limit
            }
            fn go_on(&mut self, cursor: String, left: Option<u64>) {
                self.cursor = Some(cursor);
                self.limit = left;
            }
            fn cursor(page: &Self::Result) -> Option<&String> {
                page.cursor.as_ref()
            }
            fn len(page: &Self::Result) -> u64 {
                page.$field.len() as u64
            }
            fn add(all: &mut Self::Result, page: Self::Result) {
                all.$field.extend(page.$field);
                all.cursor = page.cursor;
                $(all.$last = page.$last;)?
            }
        }
    )+};
}

// What stands after `with` is told of the whole list by its last page.
pages! {
    AuditListParams => entries with gone_through,
    CheckpointListParams => checkpoints,
    FileHistoryParams => versions,
    MilestoneListParams => milestones,
    SessionListParams => sessions,
    VerifyListParams => verdicts
}

/// The whole list. With `--json` it is printed, unchanged where one call brings it all, and `None` is returned.
pub(crate) fn whole<P: Pages>(
    mut params: P,
    context: &mut Context,
) -> Result<Option<P::Result>, Failure> {
    let limit = params.limit();
    let raw = context.call_raw(&params)?;
    let mut all: P::Result = read(&raw)?;
    let next = |all: &P::Result| {
        let is_enough = limit.is_some_and(|limit| P::len(all) >= limit);
        P::cursor(all).filter(|_| !is_enough).cloned()
    };
    if context.json && next(&all).is_none() {
        context.print_raw(&raw)?;
        return Ok(None);
    }
    while let Some(cursor) = next(&all) {
        let left = limit.map(|limit| limit.saturating_sub(P::len(&all)));
        params.go_on(cursor, left);
        let page = context.call(&params)?;
        let is_empty = P::len(&page) == 0;
        P::add(&mut all, page);
        if is_empty {
            break;
        }
    }
    if context.json {
        context.print_json(&all)?;
        return Ok(None);
    }
    context.out.page()?;
    Ok(Some(all))
}
