//! `aft checkpoint`: names on points.

#[cfg(test)]
mod tests;

use aft_model::Keep;
use aft_rpc::ExitKind;
use aft_rpc::types::checkpoint::{
    CheckpointCreateParams, CheckpointDeleteParams, CheckpointListParams, CheckpointShowParams,
    CheckpointUpdateParams, KeepClass,
};
use clap::{Args, Subcommand};

use crate::context::{Context, point};
use crate::failure::Outcome;
use crate::paged;
use crate::render::checkpoint::{full, line};
use crate::render::time::Now;

/// Name the present state, or work with such names
#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true,
    after_help = "Example:\n  aft checkpoint before-refactor -m 'all green'\n  aft checkpoint list\n  aft rollback before-refactor\n\nExit codes: 0 done, 1 the name is taken (see --force) or reserved"
)]
pub(crate) struct CheckpointArgs {
    #[command(subcommand)]
    command: Option<CheckpointCommand>,
    #[command(flatten)]
    create: Option<CreateArgs>,
}

#[derive(Args, Debug)]
struct CreateArgs {
    /// The name
    #[arg(value_name = "NAME", required = true)]
    name: String,
    /// A sentence
    #[arg(short = 'm', long, value_name = "TEXT")]
    message: Option<String>,
    /// How long it is kept: permanent, session, until-verified or user
    #[arg(long, value_name = "CLASS", value_parser = keep)]
    keep: Option<KeepClass>,
    /// Name this state instead of the present one
    #[arg(long, value_name = "POINT")]
    at: Option<String>,
    /// Move an existing name
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Subcommand)]
enum CheckpointCommand {
    /// Name the present state
    #[command(after_help = "Example:\n  aft checkpoint create before-refactor")]
    Create(CreateArgs),
    /// List checkpoints, newest first
    #[command(after_help = "Example:\n  aft checkpoint list -n 10")]
    List {
        /// At most that many
        #[arg(short = 'n', value_name = "N")]
        limit: Option<u64>,
    },
    /// Show a checkpoint
    #[command(
        after_help = "Example:\n  aft checkpoint show before-refactor\n\nExit codes: 0 done, 4 no such checkpoint"
    )]
    Show {
        /// Its name
        name: String,
    },
    /// Change a checkpoint's name, sentence or class
    #[command(
        after_help = "Example:\n  aft checkpoint edit before-refactor --keep permanent\n\nExit codes: 0 done, 4 no such checkpoint"
    )]
    Edit {
        /// Its name
        name: String,
        /// A new name
        #[arg(long, value_name = "NAME")]
        rename: Option<String>,
        /// A new sentence
        #[arg(short = 'm', long, value_name = "TEXT")]
        message: Option<String>,
        /// A new class
        #[arg(long, value_name = "CLASS", value_parser = keep)]
        keep: Option<KeepClass>,
    },
    /// Take names away; the states stay in the history
    #[command(
        after_help = "Example:\n  aft checkpoint rm before-refactor\n\nExit codes: 0 done, 4 no such checkpoint"
    )]
    Rm {
        /// Their names
        #[arg(value_name = "NAME", required = true)]
        names: Vec<String>,
    },
}

/// The class of that name.
fn keep(text: &str) -> Result<KeepClass, String> {
    Keep::parse(text)
        .map(KeepClass::from)
        .ok_or_else(|| "one of permanent, session, until-verified, user".to_owned())
}

pub(crate) fn run(args: CheckpointArgs, context: &mut Context) -> Outcome {
    match (args.command, args.create) {
        (Some(CheckpointCommand::Create(create)), _) | (None, Some(create)) => {
            make(create, context)
        }
        (Some(CheckpointCommand::List { limit }), _) => list(limit, context),
        (Some(CheckpointCommand::Show { name }), _) => {
            let params = CheckpointShowParams {
                workspace: context.workspace()?,
                name,
            };
            if let Some(checkpoint) = context.call_or_print(&params)? {
                let text = full(&checkpoint, &Now::read(), context.out.style());
                context.print(&text)?;
            }
            Ok(ExitKind::Done)
        }
        (
            Some(CheckpointCommand::Edit {
                name,
                rename,
                message,
                keep,
            }),
            _,
        ) => {
            let params = CheckpointUpdateParams {
                workspace: context.workspace()?,
                name,
                rename,
                message,
                keep,
                metadata: None,
            };
            if let Some(checkpoint) = context.call_or_print(&params)? {
                let text = line(&checkpoint, &Now::read(), context.out.style());
                context.print(&text)?;
            }
            Ok(ExitKind::Done)
        }
        (Some(CheckpointCommand::Rm { names }), _) => remove(names, context),
        (None, None) => Err(crate::failure::Failure::new(
            ExitKind::Usage,
            "a checkpoint needs a name",
        )
        .with_remedy("For example: aft checkpoint before-refactor")),
    }
}

fn make(args: CreateArgs, context: &mut Context) -> Outcome {
    let params = CheckpointCreateParams {
        workspace: context.workspace()?,
        name: args.name,
        message: args.message,
        keep: args.keep,
        metadata: None,
        at: args.at.as_deref().map(point),
        force: args.force,
        wait_ms: None,
    };
    if let Some(checkpoint) = context.call_or_print(&params)? {
        let name = crate::render::text::shown(&checkpoint.checkpoint).into_owned();
        context.print(&format!(
            "Checkpoint {name} is the state of #{}.\n",
            checkpoint.operation
        ))?;
    }
    Ok(ExitKind::Done)
}

fn list(limit: Option<u64>, context: &mut Context) -> Outcome {
    let params = CheckpointListParams {
        workspace: context.workspace()?,
        limit,
        cursor: None,
    };
    if let Some(all) = paged::whole(params, context)? {
        let (now, style) = (Now::read(), context.out.style());
        let lines = all.checkpoints.iter();
        let lines = lines.map(|checkpoint| line(checkpoint, &now, style));
        context.print(&lines.collect::<String>())?;
    }
    Ok(ExitKind::Done)
}

fn remove(names: Vec<String>, context: &mut Context) -> Outcome {
    for name in names {
        let params = CheckpointDeleteParams {
            workspace: context.workspace()?,
            name,
        };
        if let Some(checkpoint) = context.call_or_print(&params)? {
            let name = crate::render::text::shown(&checkpoint.checkpoint).into_owned();
            context.print(&format!(
                "Took the name {name} off #{}.\n",
                checkpoint.operation
            ))?;
        }
    }
    Ok(ExitKind::Done)
}
