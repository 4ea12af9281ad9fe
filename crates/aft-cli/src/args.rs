//! The command line: what may be typed. What a command means stands in its own file of `commands`.

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::color::ColorChoice;
use crate::commands::{
    checkpoint, daemon, diff, doctor, events, file, generate, log, session, status, store, sync,
    travel, watch,
};

const AFTER_HELP: &str = "\
Examples:
  aft watch                 track this directory and print every change as it happens
  aft undo                  take the last operation back
  aft rollback 10m          the workspace as it was ten minutes ago

Points (wherever POINT stands):
  @  @-3  142  NAME  good  10m  2h  1d  2026-11-21T12:00:00Z  turn:-1  session:ID

Exit codes:
  0 done                    1 failed                  2 usage
  3 refused (conflict)      4 not found               5 partly done
  6 forbidden or untrusted  7 no daemon               8 store damaged";

/// Tracks every change to the files of a workspace and takes any of it back
#[derive(Debug, Parser)]
#[command(name = "aft", version, after_help = AFTER_HELP, disable_help_subcommand = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Global {
    /// Print the method's result as JSON: one document, or one per line when it streams
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The workspace [default: the one that holds the current directory]
    #[arg(short = 'w', long, global = true, value_name = "DIR")]
    pub(crate) workspace: Option<PathBuf>,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t)]
    pub(crate) color: ColorChoice,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Watch(watch::WatchArgs),
    Unwatch(watch::UnwatchArgs),
    Status(status::StatusArgs),
    Sync(sync::SyncArgs),
    Log(log::LogArgs),
    Show(diff::ShowArgs),
    Diff(diff::DiffArgs),
    Undo(travel::UndoArgs),
    Redo(travel::RedoArgs),
    Rollback(travel::RollbackArgs),
    Restore(travel::RestoreArgs),
    Cat(file::CatArgs),
    History(file::HistoryArgs),
    Checkpoint(checkpoint::CheckpointArgs),
    Session(session::SessionArgs),
    Turn(session::TurnArgs),
    Events(events::EventsArgs),
    Stats(store::StatsArgs),
    Check(store::CheckArgs),
    Daemon(daemon::DaemonArgs),
    Doctor(doctor::DoctorArgs),
    Completions(generate::CompletionsArgs),
    Man(generate::ManArgs),
}
