//! One file through time.

#[cfg(test)]
mod tests;

use aft_rpc::types::file::VersionView;
use aft_rpc::types::operation::{StateKind, StateView};

use super::text::{bytes, path, short_id, shown};
use super::time::Now;
use crate::color::{Paint, Style};

/// `#142  edit      12:03:04  1.2 KiB 0644 1a2b3c4d  agent:claude`.
pub(crate) fn version(version: &VersionView, now: &Now, style: Style) -> String {
    let mut parts = vec![
        style.paint(Paint::Yellow, &format!("#{}", version.operation)),
        format!("{:<8}", version.kind.as_str()),
        now.brief(version.time),
        state(&version.state),
    ];
    parts.extend(version.path.as_ref().map(|at| format!("at {}", path(at))));
    if let Some(from) = &version.renamed_from {
        parts.push(format!("moved from {}", path(from)));
    }
    if version.author != "unknown" {
        parts.push(shown(&version.author).into_owned());
    }
    parts.join("  ") + "\n"
}

fn state(state: &StateView) -> String {
    let mode = state
        .mode
        .map(|mode| format!(" {mode:04o}"))
        .unwrap_or_default();
    let hash = state
        .hash
        .as_deref()
        .map(|hash| format!(" {}", short_id(hash)))
        .unwrap_or_default();
    let size = bytes(state.size.unwrap_or(0));
    match state.kind {
        StateKind::Absent => "deleted".to_owned(),
        StateKind::File => format!("{size}{mode}{hash}"),
        StateKind::Symlink => format!("link{hash}"),
        StateKind::Dir => format!("directory{mode}"),
        StateKind::Opaque => format!(
            "{size}{mode}, content not held ({})",
            state.reason.as_deref().unwrap_or("unknown reason")
        ),
    }
}
