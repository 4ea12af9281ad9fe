//! Under construction.
/// Runs the command line.
#[must_use]
pub fn main_impl() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
