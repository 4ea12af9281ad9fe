//! `aft milestone`: checkpoints written down as verified wholes.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use aft_rpc::types::milestone::{
    MilestoneCreateParams, MilestoneDeleteParams, MilestoneExportParams, MilestoneImportParams,
    MilestoneImportResult, MilestoneListParams, MilestoneShowParams, MilestoneUpdateParams,
    MilestoneVerifyParams, MilestoneVerifyResult,
};
use aft_rpc::{ExitKind, WirePath};
use clap::{Args, Subcommand};

use crate::context::{Context, point, read};
use crate::failure::{Failure, Outcome};
use crate::paged;
use crate::render::milestone::{exported, full, imported, line, verified};
use crate::render::text::shown;
use crate::render::time::Now;

/// Write a state down as a verified whole, and carry it elsewhere
///
/// A milestone is a checkpoint that is never pruned, with its manifest, history and figures, of which every byte was read
/// back. It takes no work tree and no copy of the contents.
#[derive(Args, Debug)]
#[command(
    disable_help_subcommand = true,
    after_help = "Example:\n  aft milestone create v1 --wait -m 'as it was delivered'\n  aft milestone export v1 v1.aftm\n  aft milestone import v1.aftm elsewhere"
)]
pub(crate) struct MilestoneArgs {
    #[command(subcommand)]
    command: MilestoneCommand,
}

#[derive(Debug, Subcommand)]
enum MilestoneCommand {
    /// Make a milestone of the present state, or of an earlier one
    ///
    /// Answers at once; the contents are read back in the background.
    #[command(
        after_help = "Example:\n  aft milestone create v1 -m 'as it was delivered'\n  aft milestone create before-it-broke 142 --wait\n\nExit codes: 0 done, 1 the name is taken (see --force) or, with --wait, it failed"
    )]
    Create(CreateArgs),
    /// List milestones, newest first
    #[command(after_help = "Example:\n  aft milestone list -n 10")]
    List {
        /// At most that many
        #[arg(short = 'n', value_name = "N")]
        limit: Option<u64>,
    },
    /// Show a milestone
    #[command(
        after_help = "Example:\n  aft milestone show v1 --history 20\n\nExit codes: 0 done, 4 no such milestone"
    )]
    Show {
        /// Its name
        name: String,
        /// So many operations of its history too, oldest first
        #[arg(long, value_name = "N")]
        history: Option<u64>,
    },
    /// Read every byte of a milestone back; make one that failed anew
    #[command(
        after_help = "Example:\n  aft milestone verify v1\n\nExit codes: 0 it is whole, 4 no such milestone, 8 something is damaged"
    )]
    Verify {
        /// Its name
        name: String,
    },
    /// Change a milestone's name, sentence or metadata
    #[command(
        after_help = "Example:\n  aft milestone edit v1 -m 'delivered on Monday'\n\nExit codes: 0 done, 4 no such milestone"
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
        /// New metadata, a JSON object
        #[arg(long, value_name = "JSON", value_parser = json)]
        metadata: Option<serde_json::Value>,
    },
    /// Take milestones and their names away
    ///
    /// The states stay in the history as long as retention keeps them.
    #[command(
        after_help = "Example:\n  aft milestone rm v1\n\nExit codes: 0 done, 4 no such milestone"
    )]
    Rm {
        /// Their names
        #[arg(value_name = "NAME", required = true)]
        names: Vec<String>,
    },
    /// Write a milestone into one file, or as a commit on a git branch
    ///
    /// The file holds everything: manifest, contents, history. Secrets are left out and named. With --git, a commit is added
    /// to a branch of the workspace's repository; HEAD, index and work tree are not touched.
    #[command(
        after_help = "Example:\n  aft milestone export v1 v1.aftm\n  aft milestone export v1 --git delivered\n\nExit codes: 0 done, 1 the file or branch is there (see --force) or checked out, 4 no such milestone"
    )]
    Export(ExportArgs),
    /// Restore a milestone's file into a directory
    ///
    /// Into the workspace that DIR is the root of, as one operation that can be undone; or into an empty or missing directory,
    /// which is watched from then on. All or nothing: the whole file is checked before anything is touched.
    #[command(
        after_help = "Example:\n  aft milestone import v1.aftm elsewhere\n\nExit codes: 0 done, 1 the name is taken or the file is no milestone, 3 refused, 5 done but for what is listed, 8 the file is damaged"
    )]
    Import(ImportArgs),
}

#[derive(Args, Debug)]
struct CreateArgs {
    /// The name
    name: String,
    /// The state; the present one without it
    point: Option<String>,
    /// A sentence
    #[arg(short = 'm', long, value_name = "TEXT")]
    message: Option<String>,
    /// A JSON object to keep with it
    #[arg(long, value_name = "JSON", value_parser = json)]
    metadata: Option<serde_json::Value>,
    /// Move an existing name
    #[arg(long)]
    force: bool,
    /// Wait until it is completed or failed
    #[arg(long)]
    wait: bool,
}

#[derive(Args, Debug)]
struct ExportArgs {
    /// Its name
    name: String,
    /// The file to write
    #[arg(required_unless_present = "git", conflicts_with = "git")]
    file: Option<PathBuf>,
    /// The branch to commit to
    #[arg(long, value_name = "BRANCH")]
    git: Option<String>,
    /// Replace the file, or add to a branch that no export made
    #[arg(long)]
    force: bool,
}

#[derive(Args, Debug)]
struct ImportArgs {
    /// The file to read
    file: PathBuf,
    /// The directory; the present one without it
    dir: Option<PathBuf>,
    /// Call it that here
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Move an existing name
    #[arg(long)]
    force: bool,
}

fn json(text: &str) -> Result<serde_json::Value, String> {
    match serde_json::from_str(text) {
        Ok(value @ serde_json::Value::Object(_)) => Ok(value),
        Ok(_) => Err("it is no JSON object".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// A path as the daemon, which runs elsewhere, can use it.
fn absolute(path: &Path) -> Result<WirePath, Failure> {
    match std::path::absolute(path) {
        Ok(path) => Ok(path.as_path().into()),
        Err(error) => Err(Failure::new(
            ExitKind::Usage,
            format!("`{}`: {error}", path.display()),
        )),
    }
}

pub(crate) fn run(args: MilestoneArgs, context: &mut Context) -> Outcome {
    match args.command {
        MilestoneCommand::Create(args) => create(args, context),
        MilestoneCommand::List { limit } => list(limit, context),
        MilestoneCommand::Show { name, history } => {
            let params = MilestoneShowParams {
                workspace: context.workspace()?,
                name,
                history,
            };
            if let Some(milestone) = context.call_or_print(&params)? {
                let text = full(&milestone, &Now::read(), context.out.style());
                context.print(&text)?;
            }
            Ok(ExitKind::Done)
        }
        MilestoneCommand::Verify { name } => verify(name, context),
        MilestoneCommand::Edit {
            name,
            rename,
            message,
            metadata,
        } => {
            let params = MilestoneUpdateParams {
                workspace: context.workspace()?,
                name,
                rename,
                message,
                metadata,
            };
            if let Some(milestone) = context.call_or_print(&params)? {
                let text = line(&milestone, &Now::read(), context.out.style());
                context.print(&text)?;
            }
            Ok(ExitKind::Done)
        }
        MilestoneCommand::Rm { names } => remove(names, context),
        MilestoneCommand::Export(args) => export(&args, context),
        MilestoneCommand::Import(args) => import(args, context),
    }
}

fn create(args: CreateArgs, context: &mut Context) -> Outcome {
    let params = MilestoneCreateParams {
        workspace: context.workspace()?,
        name: args.name,
        message: args.message,
        metadata: args.metadata,
        at: args.point.as_deref().map(point),
        force: args.force,
        wait: args.wait,
        wait_ms: None,
    };
    let raw = context.call_raw(&params)?;
    let milestone: aft_rpc::types::milestone::MilestoneView = read(&raw)?;
    if context.json {
        context.print_raw(&raw)?;
    } else {
        let text = line(&milestone, &Now::read(), context.out.style());
        context.print(&text)?;
    }
    Ok(match milestone.reason {
        Some(_) => ExitKind::Failed,
        None => ExitKind::Done,
    })
}

fn list(limit: Option<u64>, context: &mut Context) -> Outcome {
    let params = MilestoneListParams {
        workspace: context.workspace()?,
        limit,
        cursor: None,
    };
    if let Some(all) = paged::whole(params, context)? {
        let (now, style) = (Now::read(), context.out.style());
        let lines = all.milestones.iter();
        let lines = lines.map(|milestone| line(milestone, &now, style));
        context.print(&lines.collect::<String>())?;
    }
    Ok(ExitKind::Done)
}

fn verify(name: String, context: &mut Context) -> Outcome {
    let params = MilestoneVerifyParams {
        workspace: context.workspace()?,
        name,
    };
    let raw = context.call_raw(&params)?;
    let result: MilestoneVerifyResult = read(&raw)?;
    if context.json {
        context.print_raw(&raw)?;
    } else {
        let text = verified(&result, context.out.style());
        context.print(&text)?;
    }
    Ok(if result.ok {
        ExitKind::Done
    } else {
        ExitKind::StoreDamaged
    })
}

fn remove(names: Vec<String>, context: &mut Context) -> Outcome {
    for name in names {
        let params = MilestoneDeleteParams {
            workspace: context.workspace()?,
            name,
        };
        if let Some(milestone) = context.call_or_print(&params)? {
            let name = shown(&milestone.milestone).into_owned();
            context.print(&format!(
                "Took the milestone {name} off #{}.\n",
                milestone.operation
            ))?;
        }
    }
    Ok(ExitKind::Done)
}

fn export(args: &ExportArgs, context: &mut Context) -> Outcome {
    let params = MilestoneExportParams {
        workspace: context.workspace()?,
        name: args.name.clone(),
        file: args.file.as_deref().map(absolute).transpose()?,
        git: args.git.clone(),
        force: args.force,
    };
    if let Some(result) = context.call_or_print(&params)? {
        context.print(&exported(&result))?;
    }
    Ok(ExitKind::Done)
}

fn import(args: ImportArgs, context: &mut Context) -> Outcome {
    let dir = args.dir.as_deref().unwrap_or(Path::new("."));
    let params = MilestoneImportParams {
        file: absolute(&args.file)?,
        root: absolute(dir)?,
        name: args.name,
        force: args.force,
    };
    let raw = context.call_raw(&params)?;
    let result: MilestoneImportResult = read(&raw)?;
    if context.json {
        context.print_raw(&raw)?;
    } else {
        context.print(&imported(&result))?;
    }
    Ok(if result.not_covered.is_empty() {
        ExitKind::Done
    } else {
        ExitKind::Partly
    })
}
