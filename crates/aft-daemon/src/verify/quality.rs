//! How hard the sources of a state are to read, for the rule `quality`.
//!
//! Does: measure the files of a state whose language is known, within a limit. Does not: judge; `aft_verify` does.

use aft_model::FileState;
use aft_store::Reader;
use aft_verify::metrics::{Language, Metrics, SOURCE_MAX, measure};

use super::run::Cancel;
use super::scratch::Wanted;
use crate::config::{Rule, VerifyConfig};

/// Files that are measured, the first in order of their paths.
const FILES_MAX: usize = 5000;

/// What is measured of a state where a check's rule looks at that. What cannot be measured is left out.
pub(super) fn of(
    check: &VerifyConfig,
    reader: &Reader,
    wanted: &Wanted,
    cancel: &Cancel,
) -> Option<Metrics> {
    if check.rule != Rule::Quality {
        return None;
    }
    let sources = wanted.entries.iter().filter_map(|(path, state)| {
        let FileState::File { content, size, .. } = state else {
            return None;
        };
        let name = std::str::from_utf8(path.as_bytes()).ok()?;
        let fits = *size <= SOURCE_MAX as u64 && Language::of(name).is_some();
        fits.then_some((name, content))
    });
    let mut files = Vec::new();
    for (name, content) in sources.take(FILES_MAX) {
        if cancel.is_cancelled() {
            break;
        }
        let go_on = &mut || !cancel.is_cancelled();
        if let Some(text) = wanted.made.get(content) {
            files.extend(measure(name, text, go_on));
        } else if let Ok(text) = reader.read_content(content) {
            files.extend(measure(name, &text, go_on));
        }
    }
    Some(Metrics { files })
}
