//! Parameters and results of every method, one file a family.
//!
//! A `…Params` refuses unknown fields; a result tolerates them. Fields that are `None` are not written
//! unless their `null` says something.

pub mod acted;
pub mod audit;
pub mod bisect;
pub mod blame;
pub mod checkpoint;
pub mod clash;
pub mod daemon;
pub mod diff;
pub mod event;
pub mod file;
pub mod hello;
pub mod history;
pub mod milestone;
pub mod operation;
pub mod payload;
pub mod session;
pub mod store;
pub mod sync;
pub mod travel;
pub mod trust;
pub mod verify;
pub mod workspace;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// No parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}
