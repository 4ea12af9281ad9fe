//! `aft show` and `aft diff`: unified diffs, page by page.

#[cfg(test)]
mod tests;
mod view;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use aft_model::Point;
use aft_rpc::types::diff::{DiffFormat, DiffParams, DiffResult};
use aft_rpc::types::operation::{ChangeView, DiffDetail, OperationShowParams, OperationShowResult};
use aft_rpc::{ExitKind, WireBytes, WirePoint};
use clap::Args;

use crate::context::{Context, read};
use crate::failure::{Failure, Outcome};
use crate::render::operation;
use crate::render::time::Now;

pub(crate) use view::View;

/// Show an operation with its unified diff
///
/// The diff is one that `git apply` and `patch -p1` accept; binary files come back with `git apply` only.
/// What it cannot hold is said on standard error.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  aft show 142\n  aft show @ --stat\n  aft show 142 --hunks\n\nExit codes: 0 done, 4 no such operation"
)]
pub(crate) struct ShowArgs {
    /// Its number, or a point that ends at it
    #[arg(value_name = "OP", default_value = "@")]
    operation: String,
    #[command(flatten)]
    form: Form,
}

/// Show what differs between two points
///
/// The diff is one as of `aft show`. Without points: the last operation. With one: from there to now. An argument that names an existing
/// file and reads as nothing but a checkpoint's name is a path; what follows `--` always is.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  aft diff 10m\n  aft diff before-refactor @ src --stat\n  aft diff 120 142 > changes.patch\n  aft diff 10m --hunks\n\nExit codes: 0 done, 4 no such point"
)]
pub(crate) struct DiffArgs {
    /// Points, then paths
    #[arg(value_name = "[FROM [TO]] [PATH]")]
    words: Vec<OsString>,
    /// Paths
    #[arg(last = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    form: Form,
}

#[derive(Args, Clone, Copy, Debug)]
struct Form {
    /// Lines added and removed of each file instead of the diff
    #[arg(long, conflicts_with = "word")]
    stat: bool,
    /// Changed words within lines
    #[arg(long)]
    word: bool,
    /// Each hunk with the id that `--hunk` of `aft undo` and `aft rollback` takes
    #[arg(long, conflicts_with_all = ["stat", "word"])]
    hunks: bool,
}

/// What the words of `aft diff` mean.
#[derive(Debug, PartialEq, Eq)]
struct Meaning {
    from: String,
    to: Option<String>,
    paths: Vec<PathBuf>,
}

/// Points come first. A word that is unmistakably a point is one; one that could only be a checkpoint's
/// name, or begins like a point and is none, is a point unless such a file exists: the daemon then says what
/// is wrong with it.
fn interpret(words: &[OsString], paths: &[PathBuf], exists: impl Fn(&Path) -> bool) -> Meaning {
    let is_point = |word: &OsStr| match word.to_str().map(Point::parse) {
        Some(Ok(Point::Checkpoint(_)) | Err(_)) => !exists(Path::new(word)),
        Some(Ok(_)) => true,
        None => false,
    };
    let n_points = words
        .iter()
        .take(2)
        .take_while(|word| is_point(word))
        .count();
    let (points, rest) = words.split_at_checked(n_points).unwrap_or((words, &[]));
    let mut points = points
        .iter()
        .map(|word| word.to_string_lossy().into_owned());
    Meaning {
        from: points.next().unwrap_or_else(|| "@-1".to_owned()),
        to: points.next(),
        paths: rest
            .iter()
            .map(PathBuf::from)
            .chain(paths.iter().cloned())
            .collect(),
    }
}

pub(crate) fn diff(args: &DiffArgs, context: &mut Context) -> Outcome {
    let meaning = interpret(&args.words, &args.paths, |path| {
        path.symlink_metadata().is_ok()
    });
    let mut params = DiffParams {
        workspace: context.workspace()?,
        from: WirePoint(meaning.from),
        to: meaning.to.map(WirePoint),
        paths: context.some_paths(&meaning.paths)?,
        format: match (args.form.stat, args.form.hunks) {
            (true, _) => DiffFormat::Stat,
            (_, true) => DiffFormat::Hunks,
            _ => DiffFormat::Unified,
        },
        limit: None,
        cursor: None,
    };
    if context.json {
        return diff_json(params, context);
    }
    context.out.page()?;
    let mut view = View::new(args.form, context);
    loop {
        let page: DiffResult = context.call(&params)?;
        params.from = WirePoint::from(page.from);
        params.to = Some(WirePoint::from(page.to));
        let alone = |paths, context: &mut Context| {
            let params = DiffParams {
                paths: Some(paths),
                cursor: None,
                ..params.clone()
            };
            let found: DiffResult = context.call(&params)?;
            Ok(found.files)
        };
        view.show(page.files, alone, context)?;
        params.cursor = page.cursor;
        if params.cursor.is_none() {
            break;
        }
    }
    view.finish(context)?;
    Ok(ExitKind::Done)
}

pub(crate) fn show(args: &ShowArgs, context: &mut Context) -> Outcome {
    let mut params = OperationShowParams {
        workspace: context.workspace()?,
        operation: WirePoint(args.operation.trim_start_matches('#').to_owned()),
        diff: match (args.form.stat, args.form.hunks) {
            (true, _) => DiffDetail::Stat,
            (_, true) => DiffDetail::Hunks,
            _ => DiffDetail::Unified,
        },
        paths: None,
        limit: None,
        cursor: None,
    };
    if context.json {
        return show_json(params, context);
    }
    context.out.page()?;
    show_text(&mut params, args.form, context)?;
    Ok(ExitKind::Done)
}

/// Prints one operation with its unified diff, as `aft watch` does.
pub(crate) fn print_operation(
    params: &mut OperationShowParams,
    context: &mut Context,
) -> Result<(), Failure> {
    show_text(
        params,
        Form {
            stat: false,
            word: false,
            hunks: false,
        },
        context,
    )
}

fn show_text(
    params: &mut OperationShowParams,
    form: Form,
    context: &mut Context,
) -> Result<(), Failure> {
    let mut view = View::new(form, context);
    let mut is_first = true;
    loop {
        let page: OperationShowResult = context.call(params)?;
        if is_first {
            let head = operation::head(
                &page.operation,
                page.acted.as_ref(),
                &Now::read(),
                context.out.style(),
            );
            context.print(&head)?;
            // `@` may mean a later operation by the time of the next page.
            params.operation = WirePoint::from(page.operation.operation);
            is_first = false;
        }
        let alone = |paths, context: &mut Context| {
            let params = OperationShowParams {
                paths: Some(paths),
                cursor: None,
                ..params.clone()
            };
            let found: OperationShowResult = context.call(&params)?;
            Ok(found.operation.changes)
        };
        view.show(page.operation.changes, alone, context)?;
        params.cursor = page.cursor;
        if params.cursor.is_none() {
            return view.finish(context);
        }
    }
}

fn diff_json(mut params: DiffParams, context: &mut Context) -> Outcome {
    let raw = context.call_raw(&params)?;
    let mut all: DiffResult = read(&raw)?;
    if all.cursor.is_none() {
        context.print_raw(&raw)?;
        return Ok(ExitKind::Done);
    }
    // Pages are of one pair of states, though points may move meanwhile.
    params.from = WirePoint::from(all.from);
    params.to = Some(WirePoint::from(all.to));
    while let Some(cursor) = all.cursor.take() {
        params.cursor = Some(cursor);
        let page: DiffResult = context.call(&params)?;
        join(&mut all.files, page.files);
        all.cursor = page.cursor;
    }
    context.print_json(&all)?;
    Ok(ExitKind::Done)
}

fn show_json(mut params: OperationShowParams, context: &mut Context) -> Outcome {
    let raw = context.call_raw(&params)?;
    let mut all: OperationShowResult = read(&raw)?;
    if all.cursor.is_none() {
        context.print_raw(&raw)?;
        return Ok(ExitKind::Done);
    }
    params.operation = WirePoint::from(all.operation.operation);
    while let Some(cursor) = all.cursor.take() {
        params.cursor = Some(cursor);
        let page: OperationShowResult = context.call(&params)?;
        join(&mut all.operation.changes, page.operation.changes);
        all.cursor = page.cursor;
    }
    context.print_json(&all)?;
    Ok(ExitKind::Done)
}

/// Adds a page's changes, and puts the pieces of a long diff together.
fn join(all: &mut Vec<ChangeView>, page: Vec<ChangeView>) {
    for mut change in page {
        let goes_on = change.diff_offset.is_some_and(|offset| offset > 0);
        match all
            .last_mut()
            .filter(|last| goes_on && last.path == change.path)
        {
            Some(last) => {
                let piece = change.diff.take().unwrap_or_default();
                last.diff
                    .get_or_insert_with(WireBytes::default)
                    .0
                    .extend_from_slice(&piece.0);
            }
            None => all.push(change),
        }
    }
    // What is whole is no piece any more.
    for change in all.iter_mut() {
        if change.diff_total.is_some_and(|total| {
            change
                .diff
                .as_ref()
                .is_some_and(|diff| diff.0.len() as u64 == total)
        }) {
            change.diff_offset = None;
            change.diff_total = None;
        }
    }
}
