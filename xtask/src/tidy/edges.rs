//! The crate graph as a rule: which crate may use which, and which outside crate has which home.
//!
//! Does: compare the normal dependencies in `cargo metadata` with two tables.
//! Does not: look at development dependencies, except that a product never *ships* test code.

use std::path::Path;

use anyhow::Context as _;
use cargo_metadata::{DependencyKind, MetadataCommand};

use super::Report;

/// A crate and what it may depend on. An edge that is not here is forbidden.
const MAY_USE: [(&str, &[&str]); 11] = [
    ("aft-model", &[]),
    ("aft-engine", &["aft-model"]),
    ("aft-os", &["aft-model"]),
    ("aft-store", &["aft-model", "aft-os"]),
    ("aft-apply", &["aft-model", "aft-os", "aft-store"]),
    ("aft-rpc", &["aft-model"]),
    (
        "aft-daemon",
        &[
            "aft-apply",
            "aft-engine",
            "aft-model",
            "aft-os",
            "aft-rpc",
            "aft-store",
            "aft-verify",
        ],
    ),
    ("aft-mcp", &["aft-model", "aft-rpc"]),
    ("aft-tui", &["aft-model", "aft-rpc"]),
    (
        "aft-cli",
        &[
            "aft-daemon",
            "aft-mcp",
            "aft-model",
            "aft-os",
            "aft-rpc",
            "aft-tui",
        ],
    ),
    ("aft-verify", &[]),
];

/// Members that never ship: they may use everything.
const DEVELOPER_CRATES: [&str; 3] = ["aft-testkit", "aft-tests", "xtask"];

/// Outside crates with one home, so that a decision about one of them is made in one place.
const HOMES: [(&str, &[&str]); 26] = [
    ("bincode", &["aft-store"]),
    ("clap", &["aft-cli"]),
    ("clap_complete", &["aft-cli"]),
    ("clap_mangen", &["aft-cli"]),
    ("fastcdc", &["aft-store"]),
    ("indicatif", &["aft-cli"]),
    ("jsonc-parser", &["aft-cli"]),
    ("libc", &["aft-os"]),
    ("miniz_oxide", &["aft-engine"]),
    ("notify", &["aft-os"]),
    ("quick-xml", &["aft-verify"]),
    ("ratatui", &["aft-tui"]),
    ("regex", &["aft-verify"]),
    ("rmcp", &["aft-mcp"]),
    ("rusqlite", &["aft-store"]),
    (
        "serde",
        &[
            "aft-cli",
            "aft-daemon",
            "aft-mcp",
            "aft-rpc",
            "aft-tui",
            "aft-verify",
        ],
    ),
    ("sha1_smol", &["aft-engine"]),
    ("similar", &["aft-cli", "aft-engine"]),
    ("tokio", &["aft-daemon", "aft-mcp"]),
    ("tree-sitter", &["aft-verify"]),
    ("tree-sitter-c", &["aft-verify"]),
    ("tree-sitter-go", &["aft-verify"]),
    ("tree-sitter-python", &["aft-verify"]),
    ("tree-sitter-rust", &["aft-verify"]),
    ("tree-sitter-typescript", &["aft-verify"]),
    ("zstd", &["aft-engine", "aft-store"]),
];

/// What the pure crates must not be able to reach: the world.
const PURE: [&str; 3] = ["aft-model", "aft-engine", "aft-verify"];
/// Pure crates whose values are kept and sent as they are, so that they may say how.
const SERIALIZES: [&str; 1] = ["aft-verify"];
const WORLD: [&str; 12] = [
    "crossbeam-channel",
    "ignore",
    "jiff",
    "libc",
    "notify",
    "parking_lot",
    "rusqlite",
    "rustix",
    "serde",
    "tempfile",
    "tokio",
    "tracing",
];

/// One normal dependency of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    /// The member.
    pub(crate) from: String,
    /// What it depends on.
    pub(crate) to: String,
}

/// The normal dependencies of every member, and the members themselves as edges to nothing.
pub(crate) fn load(root: &Path) -> anyhow::Result<Vec<Edge>> {
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .no_deps()
        .exec()
        .context("`cargo metadata` failed")?;
    let mut edges = Vec::new();
    for package in &metadata.packages {
        let normal = package
            .dependencies
            .iter()
            .filter(|dependency| dependency.kind == DependencyKind::Normal);
        for dependency in normal {
            edges.push(Edge {
                from: package.name.to_string(),
                to: dependency.name.clone(),
            });
        }
        edges.push(Edge {
            from: package.name.to_string(),
            to: String::new(),
        });
    }
    Ok(edges)
}

/// Checks every edge.
pub(crate) fn check(edges: &[Edge], report: &mut Report) {
    for Edge { from, to } in edges {
        let place = format!("crates/{from}/Cargo.toml");
        if DEVELOPER_CRATES.contains(&from.as_str()) {
            continue;
        }
        let Some((_, may_use)) = MAY_USE.iter().find(|(name, _)| name == from) else {
            if to.is_empty() {
                report.error(
                    &place,
                    format_args!("`{from}` is not in the table of crates"),
                );
            }
            continue;
        };
        let ours = to.starts_with("aft-") || to == "xtask";
        if ours && !may_use.contains(&to.as_str()) {
            report.error(&place, format_args!("`{from}` may not use `{to}`"));
        }
        if let Some((_, homes)) = HOMES.iter().find(|(name, _)| name == to)
            && !homes.contains(&from.as_str())
        {
            report.error(
                &place,
                format_args!("`{to}` lives in {}, not in `{from}`", homes.join(", ")),
            );
        }
        let says_how = to == "serde" && SERIALIZES.contains(&from.as_str());
        if PURE.contains(&from.as_str()) && WORLD.contains(&to.as_str()) && !says_how {
            report.error(&place, format_args!("`{from}` is pure and `{to}` is not"));
        }
    }
}

#[cfg(test)]
mod tests;
