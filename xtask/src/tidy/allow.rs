//! Exceptions to the rules: `config/tidy.toml`, each with a reason.
//!
//! Does: read them, answer whether a file is excepted, and say which exception is not needed any more.
//! Does not: know the rules.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, bail};

use super::{Report, SourceFile};

/// The exceptions, by rule and path.
#[derive(Default)]
pub(crate) struct Allowed {
    entries: BTreeMap<String, BTreeMap<String, String>>,
}

/// Rules that may be excepted. A table of another name in `config/tidy.toml` is a mistake.
pub(crate) const RULES: [&str; 5] = [
    "size",
    "machine-path",
    "sleep",
    "trailing-space",
    "unserved",
];

impl Allowed {
    /// Reads `config/tidy.toml`; without one nothing is excepted.
    pub(crate) fn load(root: &Path) -> anyhow::Result<Self> {
        let path = root.join("config/tidy.toml");
        if !path.exists() {
            return Ok(Self::default());
        }
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("in {}", path.display()))
    }

    /// Parses the file: a table a rule, `"path" = "reason"` in it.
    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        let table: toml::Table = text.parse().context("it is not TOML")?;
        let mut entries = BTreeMap::new();
        for (rule, value) in table {
            if !RULES.contains(&rule.as_str()) {
                bail!(
                    "no rule `{rule}` can be excepted; there are {}",
                    RULES.join(", ")
                );
            }
            let reasons = value
                .as_table()
                .with_context(|| format!("`{rule}` is not a table"))?;
            let mut paths = BTreeMap::new();
            for (path, reason) in reasons {
                let reason = reason.as_str().unwrap_or_default().trim();
                if reason.len() < 10 {
                    bail!("`{rule}` excepts {path} without a reason");
                }
                paths.insert(path.clone(), reason.to_owned());
            }
            entries.insert(rule, paths);
        }
        Ok(Self { entries })
    }

    /// True where `path`, or a directory above it (written with a trailing `/`), is excepted from `rule`.
    pub(crate) fn covers(&self, rule: &str, path: &str) -> bool {
        let Some(paths) = self.entries.get(rule) else {
            return false;
        };
        paths.keys().any(|allowed| {
            allowed == path || allowed.ends_with('/') && path.starts_with(allowed.as_str())
        })
    }

    /// An exception for a file that is gone must go too. `unserved` names methods, no files; their own check looks at them.
    pub(crate) fn check_unused(&self, files: &[SourceFile], report: &mut Report) {
        for (rule, paths) in self.entries.iter().filter(|(rule, _)| *rule != "unserved") {
            for path in paths.keys() {
                let found = files.iter().any(|file| {
                    &file.path == path
                        || path.ends_with('/') && file.path.starts_with(path.as_str())
                });
                if !found {
                    report.error(
                        "config/tidy.toml",
                        format_args!("`{rule}` excepts {path}, which is not there"),
                    );
                }
            }
        }
    }
}
