//! Results as text: pure functions of a result, a style and the present time.

pub(crate) mod audit;
pub(crate) mod blame;
pub(crate) mod checkpoint;
pub(crate) mod clash;
pub(crate) mod daemon;
pub(crate) mod file;
pub(crate) mod milestone;
pub(crate) mod operation;
pub(crate) mod patch;
pub(crate) mod session_view;
pub(crate) mod space;
pub(crate) mod stat;
pub(crate) mod status;
pub(crate) mod text;
pub(crate) mod time;
pub(crate) mod travel;
pub(crate) mod verify;
pub(crate) mod words;
