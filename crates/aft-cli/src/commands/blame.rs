//! `aft blame`: who wrote each line of a file.

use std::path::PathBuf;

use aft_rpc::types::blame::{BlameParams, BlameResult};
use aft_rpc::types::file::{FileReadParams, FileReadResult};
use aft_rpc::{ExitKind, WirePoint};
use clap::Args;

use crate::context::{Context, point, read};
use crate::failure::Outcome;
use crate::render::blame::lines;
use crate::render::time::Now;

/// Show which operation, session and author wrote each line of a file
///
/// Lines that an undo or a rollback brought back belong to whoever wrote them first. Renames are followed.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  aft blame src/main.rs\n  aft blame src/main.rs --at 1h\n\nExit codes: 0 done, 4 no such file at that point"
)]
pub(crate) struct BlameArgs {
    /// The file
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// As it was at this point
    #[arg(long, value_name = "POINT", default_value = "@")]
    at: String,
}

pub(crate) fn blame(args: &BlameArgs, context: &mut Context) -> Outcome {
    let params = BlameParams {
        workspace: context.workspace()?,
        path: context.path(&args.path)?,
        at: Some(point(&args.at)),
    };
    let raw = context.call_raw(&params)?;
    if context.json {
        context.print_raw(&raw)?;
        return Ok(ExitKind::Done);
    }
    let blamed: BlameResult = read(&raw)?;
    let mut content = Vec::new();
    let mut params = FileReadParams {
        workspace: params.workspace,
        path: params.path,
        // `@` and ages move on; the lines are of one state.
        at: Some(WirePoint::from(blamed.operation)),
        offset: None,
        length: None,
    };
    loop {
        let page: FileReadResult = context.call(&params)?;
        let end = page.offset + page.content.0.len() as u64;
        content.extend_from_slice(&page.content.0);
        if end >= page.size || page.content.0.is_empty() {
            break;
        }
        params.offset = Some(end);
    }
    context.out.page()?;
    let (now, style) = (Now::read(), context.out.style());
    context.print(&lines(&blamed, &content, &now, style))?;
    if blamed.approximate {
        context.note(
            "some lines may be older than is shown: a content is not held any more, or a comparison was given up",
        );
    }
    Ok(ExitKind::Done)
}
