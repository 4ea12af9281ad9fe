//! Tests of the whole crate, on real directories and on a simulated disk.

mod crash;
mod exact;
mod late;
mod refuse;
mod seeds;
pub(crate) mod support;
mod whole;
