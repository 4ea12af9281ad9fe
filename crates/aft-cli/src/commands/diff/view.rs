//! How the changes of `aft show` and `aft diff` are shown: as patches, as counts, or hunk by hunk.

use std::io::Write;

use aft_rpc::WirePath;
use aft_rpc::types::operation::ChangeView;

use super::Form;
use crate::color::Paint;
use crate::context::Context;
use crate::failure::Failure;
use crate::render::patch::{PatchForm, PatchPrinter};
use crate::render::stat::{self, Totals, lines};
use crate::render::text::{count, path};

/// Files that are named when a patch lacks their content.
const MISSING_MAX: usize = 10;

/// How the changes of a page are shown.
pub(crate) struct View {
    stat: Option<Totals>,
    hunks: bool,
    printer: PatchPrinter,
    /// Files whose content the patch does not hold.
    missing: Vec<WirePath>,
    /// Secrets, which are not shown to whoever is not the person.
    sealed: Vec<WirePath>,
}

impl View {
    /// Unified diffs, one after the other.
    pub(crate) fn of_patches(context: &Context) -> Self {
        let form = Form {
            stat: false,
            word: false,
            hunks: false,
        };
        Self::new(form, context)
    }

    pub(super) fn new(form: Form, context: &Context) -> Self {
        let form_of_patch = PatchForm {
            style: context.out.style(),
            words: form.word,
            terminal: context.out.is_terminal(),
        };
        Self {
            stat: form.stat.then(Totals::default),
            hunks: form.hunks,
            printer: PatchPrinter::new(form_of_patch),
            missing: Vec::new(),
            sealed: Vec::new(),
        }
    }

    /// Shows a page. What found no room in it is asked for `alone`.
    pub(crate) fn show(
        &mut self,
        changes: Vec<ChangeView>,
        alone: impl Fn(Vec<WirePath>, &mut Context) -> Result<Vec<ChangeView>, Failure>,
        context: &mut Context,
    ) -> Result<(), Failure> {
        if let Some(totals) = &mut self.stat {
            changes.iter().for_each(|change| totals.count(change));
            return context.print(&lines(&changes, context.out.style()));
        }
        for mut change in changes {
            if self.hunks {
                self.show_hunks(change, context)?;
                continue;
            }
            if change.incomplete && change.diff.is_none() {
                // A rename is told with the place it came from, or it would be a new file.
                let paths = [Some(change.path.clone()), change.renamed_from.clone()];
                let found = alone(paths.into_iter().flatten().collect(), context)?;
                let whole = found.into_iter().find(|found| found.path == change.path);
                change = whole.unwrap_or(change);
            }
            if let Some(text) = &change.diff {
                self.printer.push(&text.0, &mut context.out)?;
            }
            if change.sealed {
                self.sealed.push(change.path);
            } else if change.incomplete {
                self.missing.push(change.path);
            }
        }
        Ok(())
    }

    /// Hunks one by one, each beneath its id.
    fn show_hunks(&mut self, change: ChangeView, context: &mut Context) -> Result<(), Failure> {
        let hunks = change.hunks.as_deref().unwrap_or_default();
        for hunk in hunks {
            let style = context.out.style();
            let head = format!("{}  {}", hunk.hunk, path(&change.path));
            context.print(&format!("{}\n", style.paint(Paint::Yellow, &head)))?;
            self.printer.push(&hunk.text.0, &mut context.out)?;
            // What is pushed next begins with a line of its own.
            self.printer.finish(&mut context.out)?;
        }
        if change.sealed {
            self.sealed.push(change.path);
        } else if change.incomplete {
            self.missing.push(change.path);
        }
        Ok(())
    }

    /// What a patch does not hold must not be found out by applying it.
    fn say_what_is_missing(&self, context: &Context) {
        if !self.missing.is_empty() {
            context.note(&format!(
                "The patch is not complete: it lacks the content of {}. `aft restore PATH --at POINT` puts whole files back.",
                named(&self.missing, ("file", "files")),
            ));
        }
        if !self.sealed.is_empty() {
            context.note(&format!(
                "The patch leaves out {}: what they hold is told on control.sock only.",
                named(&self.sealed, ("secret", "secrets")),
            ));
        }
    }

    pub(crate) fn finish(mut self, context: &mut Context) -> Result<(), Failure> {
        if let Some(totals) = self.stat {
            return context.print(&stat::Totals::line(totals));
        }
        self.printer.finish(&mut context.out)?;
        context.out.flush()?;
        self.say_what_is_missing(context);
        Ok(())
    }
}

/// How many there are, and the first of them.
fn named(paths: &[WirePath], (one, many): (&str, &str)) -> String {
    let names: Vec<String> = paths.iter().take(MISSING_MAX).map(path).collect();
    let more = if paths.len() > MISSING_MAX {
        ", …"
    } else {
        ""
    };
    let number = count(paths.len() as u64, one, many);
    format!("{number} ({}{more})", names.join(", "))
}
