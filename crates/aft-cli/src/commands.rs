//! The commands, one file a family: arguments, calls, and which renderer shows the result.

pub(crate) mod audit;
pub(crate) mod bisect;
pub(crate) mod blame;
pub(crate) mod checkpoint;
pub(crate) mod daemon;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod events;
pub(crate) mod file;
pub(crate) mod generate;
pub(crate) mod hook;
pub(crate) mod integrate;
pub(crate) mod log;
pub(crate) mod mcp;
pub(crate) mod milestone;
pub(crate) mod run;
pub(crate) mod session;
pub(crate) mod status;
pub(crate) mod store;
pub(crate) mod sync;
pub(crate) mod travel;
pub(crate) mod trust;
pub(crate) mod unwatch;
pub(crate) mod verify;
pub(crate) mod watch;

use crate::args::Command;
use crate::context::Context;
use crate::failure::Outcome;

/// Carries a command out.
pub(crate) fn run(command: Command, context: &mut Context) -> Outcome {
    match command {
        Command::Watch(args) => watch::watch(&args, context),
        Command::Unwatch(args) => unwatch::unwatch(&args, context),
        Command::Status(args) => status::run(&args, context),
        Command::Sync(args) => sync::run(&args, context),
        Command::Log(args) => log::run(&args, context),
        Command::Show(args) => diff::show(&args, context),
        Command::Diff(args) => diff::diff(&args, context),
        Command::Undo(args) => travel::undo(&args, context),
        Command::Redo(args) => travel::redo(&args, context),
        Command::Rollback(args) => travel::rollback(&args, context),
        Command::Restore(args) => travel::restore(&args, context),
        Command::Cat(args) => file::cat(&args, context),
        Command::History(args) => file::history(&args, context),
        Command::Blame(args) => blame::blame(&args, context),
        Command::Checkpoint(args) => checkpoint::run(args, context),
        Command::Milestone(args) => milestone::run(args, context),
        Command::Session(args) => session::session(args, context),
        Command::Turn(args) => session::turn(args, context),
        Command::Run(args) => run::run(&args, context),
        Command::Verify(args) => verify::run(args, context),
        Command::Bisect(args) => bisect::run(&args, context),
        Command::Trust(args) => trust::trust(&args, context),
        Command::Events(args) => events::run(&args, context),
        Command::Hook(args) => Ok(hook::run(&args)),
        Command::Integrate(args) => integrate::run(&args, context),
        Command::Mcp(args) => mcp::run(&args, context),
        Command::Stats(args) => store::stats(&args, context),
        Command::Check(args) => store::check(&args, context),
        Command::Gc(args) => store::gc(&args, context),
        Command::Audit(args) => audit::run(&args, context),
        Command::Purge(args) => store::purge(&args, context),
        Command::Daemon(args) => daemon::run(&args, context),
        Command::Doctor(args) => doctor::run(&args, context),
        Command::Completions(args) => generate::completions(&args, context),
        Command::Man(args) => generate::man(&args, context),
    }
}
