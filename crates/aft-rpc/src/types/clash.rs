//! Lines that clash, as a refused conflict shows them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::WireBytes;

/// Lines that the change to be taken back and later edits touch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClashView {
    /// The first of them in the file as it is now, from 1, where that can be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// What they are now.
    pub now: WireBytes,
    /// What the change made of them that is to be taken back.
    pub base: WireBytes,
    /// What they were before it, and would be again.
    pub before: WireBytes,
}

impl From<&aft_model::Clash> for ClashView {
    fn from(clash: &aft_model::Clash) -> Self {
        Self {
            line: clash.line,
            now: WireBytes(clash.now.clone()),
            base: WireBytes(clash.base.clone()),
            before: WireBytes(clash.before.clone()),
        }
    }
}
