//! `aft cat` and `aft history`: one file through time.

#[cfg(test)]
mod tests;

use std::io::Write;
use std::path::PathBuf;

use aft_rpc::types::file::{FileHistoryParams, FileReadParams, FileReadResult};
use aft_rpc::{ExitKind, WirePoint};
use clap::Args;

use crate::context::{Context, point, read};
use crate::failure::Outcome;
use crate::paged::whole;
use crate::render::file::version;
use crate::render::time::Now;

/// Most bytes of content asked for at once; well within what the daemon gives.
const PIECE: u64 = 512 * 1024;

/// Write a file as it was at a point
///
/// For a symbolic link: its target.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  aft cat src/main.rs --at 10m\n  aft cat .env --at @-3 > .env.old\n\nExit codes: 0 done, 4 no such file at that point"
)]
pub(crate) struct CatArgs {
    /// The file, which may be gone by now
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// As it was at this point
    #[arg(long, value_name = "POINT", default_value = "@")]
    at: String,
}

/// List the versions of one file, deletions included
///
/// Goes on with the old name where the file was moved.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  aft history src/main.rs\n\nExit codes: 0 done, 4 the history knows no such file"
)]
pub(crate) struct HistoryArgs {
    /// The file, which may be gone by now
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// At most that many
    #[arg(short = 'n', value_name = "N")]
    limit: Option<u64>,
    /// What stood at this path, also before another file was moved there
    #[arg(long)]
    no_follow: bool,
}

pub(crate) fn cat(args: &CatArgs, context: &mut Context) -> Outcome {
    let mut params = FileReadParams {
        workspace: context.workspace()?,
        path: context.path(&args.path)?,
        at: Some(point(&args.at)),
        offset: None,
        length: Some(PIECE),
    };
    let raw = context.call_raw(&params)?;
    let mut page: FileReadResult = read(&raw)?;
    let end = |page: &FileReadResult| page.offset + page.content.0.len() as u64;
    if context.json && end(&page) >= page.size {
        context.print_raw(&raw)?;
        return Ok(ExitKind::Done);
    }
    // `@` and ages move on; the pieces are of one state.
    params.at = Some(WirePoint::from(page.operation));
    let mut whole = Vec::new();
    loop {
        if context.json {
            whole.extend_from_slice(&page.content.0);
        } else {
            context.out.write_all(&page.content.0)?;
        }
        let next = end(&page);
        if next >= page.size || page.content.0.is_empty() {
            break;
        }
        params.offset = Some(next);
        page = context.call(&params)?;
    }
    if context.json {
        page.offset = 0;
        page.content.0 = whole;
        context.print_json(&page)?;
    }
    Ok(ExitKind::Done)
}

pub(crate) fn history(args: &HistoryArgs, context: &mut Context) -> Outcome {
    let params = FileHistoryParams {
        workspace: context.workspace()?,
        path: context.path(&args.path)?,
        limit: args.limit,
        cursor: None,
        follow: !args.no_follow,
    };
    let Some(all) = whole(params, context)? else {
        return Ok(ExitKind::Done);
    };
    let (now, style) = (Now::read(), context.out.style());
    let n_shown = args
        .limit
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(usize::MAX);
    let text: String = all
        .versions
        .iter()
        .take(n_shown)
        .map(|entry| version(entry, &now, style))
        .collect();
    context.print(&text)?;
    Ok(ExitKind::Done)
}
