//! What a check printed, and what it means; how hard source text is to read.
//!
//! Does: read the reports of test runners and compilers ([`read()`]), hold two of them against a rule ([`judge()`]), measure
//! source text ([`metrics`]), propose checks for a project ([`suggest`]).
//! Does not: start a process, read a file, know the time, know what an operation is. Bytes come in, values go out, and what
//! comes in was written by anybody: nothing here may fail on it, nor cost more than its length.
//!
//! Start reading at [`judge()`]. It is a tame judge: where a report leaves something open it does not act, because going
//! back for no reason costs a person more than not going back.

mod formats;
mod judge;
pub mod metrics;
mod read;
mod report;
mod rerun;
mod rules;
pub mod suggest;

pub use formats::Format;
pub use judge::{Judgement, judge};
pub use read::{Unreadable, read};
pub use report::{Case, CaseOutcome, Diagnostic, Report, Timing};
pub use rerun::rerun;
pub use rules::{Ending, Output, Rule, Status};
