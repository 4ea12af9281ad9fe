//! The `aft` binary.

fn main() -> std::process::ExitCode {
    aft_cli::main_impl()
}
