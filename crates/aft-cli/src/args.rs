//! The command line: what may be typed. What a command means stands in its own file of `commands`.

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, FromArgMatches, Parser, Subcommand};

use crate::color::ColorChoice;
use crate::commands::{
    audit, bisect, blame, checkpoint, daemon, diff, doctor, events, file, generate, hook,
    integrate, log, mcp, milestone, run, session, status, store, sync, travel, trust, unwatch,
    verify, watch,
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

/// Makes the enumeration of commands, and the definition of each by itself.
macro_rules! commands {
    ($($name:literal $variant:ident($args:ty),)+) => {
        /// Every command.
        #[derive(Debug, Subcommand)]
        pub(crate) enum Command {
            $($variant($args),)+
        }

        /// The definition of one command.
        fn definition_of(name: &str) -> Option<clap::Command> {
            match name {
                $($name => Some(<$args as Args>::augment_args(clap::Command::new($name))),)+
                _ => None,
            }
        }
    };
}

commands! {
    "watch" Watch(watch::WatchArgs),
    "unwatch" Unwatch(unwatch::UnwatchArgs),
    "status" Status(status::StatusArgs),
    "sync" Sync(sync::SyncArgs),
    "log" Log(log::LogArgs),
    "show" Show(diff::ShowArgs),
    "diff" Diff(diff::DiffArgs),
    "undo" Undo(travel::UndoArgs),
    "redo" Redo(travel::RedoArgs),
    "rollback" Rollback(travel::RollbackArgs),
    "restore" Restore(travel::RestoreArgs),
    "cat" Cat(file::CatArgs),
    "history" History(file::HistoryArgs),
    "blame" Blame(blame::BlameArgs),
    "checkpoint" Checkpoint(checkpoint::CheckpointArgs),
    "milestone" Milestone(milestone::MilestoneArgs),
    "session" Session(session::SessionArgs),
    "turn" Turn(session::TurnArgs),
    "run" Run(run::RunArgs),
    "verify" Verify(verify::VerifyArgs),
    "bisect" Bisect(bisect::BisectArgs),
    "trust" Trust(trust::TrustArgs),
    "events" Events(events::EventsArgs),
    "hook" Hook(hook::HookArgs),
    "integrate" Integrate(integrate::IntegrateArgs),
    "mcp" Mcp(mcp::McpArgs),
    "stats" Stats(store::StatsArgs),
    "check" Check(store::CheckArgs),
    "gc" Gc(store::GcArgs),
    "purge" Purge(store::PurgeArgs),
    "audit" Audit(audit::AuditArgs),
    "daemon" Daemon(daemon::DaemonArgs),
    "doctor" Doctor(doctor::DoctorArgs),
    "completions" Completions(generate::CompletionsArgs),
    "man" Man(generate::ManArgs),
}

impl Cli {
    /// Reads a command line. The definition of the one command that is named is built and no other,
    /// because building all of them takes longer than most commands. Whatever does not parse that way
    /// (help, a mistake) is read again with the whole definition, which knows what to suggest.
    pub(crate) fn read(args: &[OsString]) -> Result<Self, clap::Error> {
        if let Some(cli) = Self::read_quickly(args) {
            return Ok(cli);
        }
        Self::try_parse_from(args)
    }

    fn read_quickly(args: &[OsString]) -> Option<Self> {
        let command = definition_of(command_word(args)?)?;
        let definition = Global::augment_args(clap::Command::new("aft"))
            .disable_help_subcommand(true)
            .disable_help_flag(true)
            .subcommand_required(true)
            .subcommand(command);
        let matches = definition.try_get_matches_from(args).ok()?;
        Self::from_arg_matches(&matches).ok()
    }
}

/// The first word that is neither an option of every command nor the value of one.
fn command_word(args: &[OsString]) -> Option<&str> {
    let mut words = args.iter().skip(1);
    loop {
        let word = words.next()?.to_str()?;
        match word {
            "-w" | "--workspace" | "--color" => {
                words.next()?;
            }
            _ if word.starts_with('-') => {}
            _ => return Some(word),
        }
    }
}
