//! What `aft gc` and `aft purge` say.

use aft_rpc::WirePath;
use aft_rpc::types::store::{PurgeResult, StoreGcResult};

use super::text::{bytes, count, path, shown};

/// `aft gc`.
pub(crate) fn collected(gc: &StoreGcResult) -> String {
    let freed = gc.bytes_before.saturating_sub(gc.bytes_after);
    let (would, are) = if gc.dry_run {
        ("would be ", "")
    } else {
        ("", "are ")
    };
    let mut text = format!(
        "{} {would}merged into later ones by age.\n",
        count(gc.n_merged, "operation", "operations")
    );
    if gc.n_checkpoints > 0 {
        text.push_str(&format!(
            "{} {would}dropped: their class is kept for a time only.\n",
            count(gc.n_checkpoints, "checkpoint", "checkpoints")
        ));
    }
    text.push_str(&format!(
        "{} that nothing names, and {} of what is past, {are}{would}removed.\n",
        count(gc.n_contents, "content", "contents"),
        count(gc.n_records, "record", "records")
    ));
    text.push_str(&format!(
        "{} {would}freed: {} before, {} after.\n",
        bytes(freed),
        bytes(gc.bytes_before),
        bytes(gc.bytes_after)
    ));
    if gc.dry_run && gc.n_merged > 0 {
        text.push_str("What only the merged operations name comes on top.\n");
    }
    for root in &gc.left_out {
        text.push_str(&format!(
            "Left out: {}, which is being closed.\n",
            path(root)
        ));
    }
    for problem in &gc.problems {
        text.push_str(&format!("Not collected: {}\n", shown(problem)));
    }
    text
}

/// `aft purge`.
pub(crate) fn purged(gone: &WirePath, purge: &PurgeResult) -> String {
    let what = format!(
        "{} and {}",
        count(purge.n_operations, "operation", "operations"),
        count(purge.n_contents, "content", "contents")
    );
    if purge.dry_run {
        return format!("{} is in {what}.\n", path(gone));
    }
    let proof = format!(
        "{} and {} read back",
        count(purge.n_records, "record", "records"),
        bytes(purge.n_bytes)
    );
    if purge.found.is_empty() {
        return format!(
            "{} is purged from {what}; it is nowhere in the store any more ({proof}).\n",
            path(gone)
        );
    }
    let mut text = format!(
        "{} is purged from {what}, but something is left ({proof}):\n",
        path(gone)
    );
    for found in &purge.found {
        text.push_str(&format!("  {}\n", shown(found)));
    }
    text
}
