//! The simulated world does what its documentation says, each behaviour at least once.

mod conformance;
mod crash;
mod files;
mod store;
mod watching;

use aft_model::RelPath;

use super::*;

fn p(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn errno(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap()
}
