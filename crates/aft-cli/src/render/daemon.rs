//! The daemon and its store.

#[cfg(test)]
mod tests;

use aft_rpc::types::daemon::DaemonStatusResult;
use aft_rpc::types::store::{MemoryView, StoreCheckResult, StoreStatsResult, TierView};

use super::text::{bytes, count, path, shown};
use super::time::duration;

/// `aft daemon status`.
pub(crate) fn status(status: &DaemonStatusResult) -> String {
    let mut text = format!(
        "The daemon runs: process {}, version {}.\n",
        status.pid,
        shown(&status.version)
    );
    let mut row = |name: &str, value: &str| text.push_str(&format!("  {name:<12}{value}\n"));
    row("uptime", &duration(status.uptime));
    row("workspaces", &status.n_workspaces.to_string());
    row("connections", &status.n_connections.to_string());
    row("memory", &bytes(status.memory_bytes));
    row("store", &path(&status.home));
    row("sockets", &path(&status.runtime_dir));
    text
}

/// `aft stats`.
pub(crate) fn stats(stats: &StoreStatsResult) -> String {
    let mut text = String::new();
    let mut row = |name: &str, value: &str| text.push_str(&format!("{name:<12}{value}\n"));
    row("disk", &bytes(stats.disk_bytes));
    row(
        "segments",
        &format!(
            "{} in {}",
            bytes(stats.segment_bytes),
            count(stats.n_segments, "file", "files")
        ),
    );
    row("index", &bytes(stats.index_bytes));
    let stored = format!(
        "{} in {}",
        bytes(stats.content_bytes),
        bytes(stats.stored_bytes)
    );
    row(
        "contents",
        &format!("{}, {stored}{}", stats.n_contents, ratio(stats)),
    );
    row("operations", &stats.n_operations.to_string());
    row("checkpoints", &stats.n_checkpoints.to_string());
    if stats.n_milestones > 0 {
        let taken = bytes(stats.milestone_bytes);
        row("milestones", &format!("{} in {taken}", stats.n_milestones));
    }
    row("workspaces", &stats.n_workspaces.to_string());
    if let Some(cap) = stats.cap_bytes {
        row("cap", &bytes(cap));
    }
    row("in memory", &tier("L1", &stats.l1));
    row("", &tier("L2", &stats.l2));
    row("daemon", &memory(&stats.memory));
    text
}

fn tier(name: &str, tier: &TierView) -> String {
    let asked = tier.hits + tier.misses;
    let rate = match (tier.hits * 100).checked_div(asked) {
        Some(percent) => format!("{percent} % of {}", count(asked, "question", "questions")),
        None => "nothing asked".to_owned(),
    };
    format!(
        "{name} {}, {}, {rate}, {} evicted",
        count(tier.entries, "entry", "entries"),
        bytes(tier.bytes),
        tier.evictions
    )
}

fn memory(memory: &MemoryView) -> String {
    let level = match memory.level.as_str() {
        "" | "normal" => String::new(),
        level => format!(", {}", shown(level)),
    };
    format!("{} resident{level}", bytes(memory.resident_bytes))
}

fn ratio(stats: &StoreStatsResult) -> String {
    if stats.content_bytes == 0 {
        return String::new();
    }
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let ratio = stats.stored_bytes as f64 / stats.content_bytes as f64;
    format!(" (ratio {ratio:.3})")
}

/// `aft check`.
pub(crate) fn check(check: &StoreCheckResult) -> String {
    let looked = format!(
        "{} and {} looked at, {}",
        count(check.n_records, "record", "records"),
        count(check.n_contents, "content", "contents"),
        bytes(check.n_bytes)
    );
    let unseen: String = check
        .not_checked
        .iter()
        .map(|root| {
            format!(
                "Not looked at, its directory is not there: {}\n",
                shown(&root.display())
            )
        })
        .collect();
    if check.ok {
        return format!("The store is sound: {looked}.\n{unseen}");
    }
    let mut text = format!("{unseen}The store is damaged ({looked}):\n");
    for problem in &check.problems {
        text.push_str(&format!("  {}\n", shown(&problem.message)));
        if let Some(remedy) = &problem.remedy {
            text.push_str(&format!("    {}\n", shown(remedy)));
        }
    }
    text
}
