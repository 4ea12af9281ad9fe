//! Licences and duplicate versions of what the product is built from.
//!
//! Does: read `cargo metadata` and judge it by `deny.toml`, the same file `cargo deny` reads.
//! Does not: know about advisories; they need a database that is not here (`cargo deny check advisories`).

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use cargo_metadata::{CargoOpt, MetadataCommand};

use super::Report;
use crate::shell;

/// What `deny.toml` allows.
#[derive(Default)]
pub(crate) struct Policy {
    licences: Vec<String>,
    duplicates: Vec<String>,
}

impl Policy {
    /// Takes `licenses.allow` and `bans.skip[].crate` from the file.
    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        let table: toml::Table = text.parse().context("it is not TOML")?;
        let list = |section: &str, key: &str| {
            table
                .get(section)
                .and_then(|value| value.get(key))
                .and_then(toml::Value::as_array)
                .cloned()
                .unwrap_or_default()
        };
        let licences = list("licenses", "allow")
            .iter()
            .filter_map(toml::Value::as_str)
            .map(str::to_owned)
            .collect();
        let duplicates = list("bans", "skip")
            .iter()
            .filter_map(|skip| skip.get("crate").and_then(toml::Value::as_str))
            .map(|name| name.split('@').next().unwrap_or(name).to_owned())
            .collect();
        Ok(Self {
            licences,
            duplicates,
        })
    }

    /// True where the SPDX expression can be satisfied by allowed licences alone.
    pub(crate) fn satisfies(&self, expression: &str) -> bool {
        // `MIT/Apache-2.0` is how old manifests wrote `OR`.
        let spaced = expression
            .replace('/', " OR ")
            .replace('(', " ( ")
            .replace(')', " ) ");
        let words: Vec<&str> = spaced.split_whitespace().collect();
        let mut rest = words.as_slice();
        let verdict = self.either(&mut rest);
        verdict && rest.is_empty()
    }

    fn either(&self, rest: &mut &[&str]) -> bool {
        let mut verdict = self.both(rest);
        while take(rest, "OR") {
            // Not `||`: the right side must be read in any case.
            verdict |= self.both(rest);
        }
        verdict
    }

    fn both(&self, rest: &mut &[&str]) -> bool {
        let mut verdict = self.one(rest);
        while take(rest, "AND") {
            verdict &= self.one(rest);
        }
        verdict
    }

    fn one(&self, rest: &mut &[&str]) -> bool {
        if take(rest, "(") {
            let verdict = self.either(rest);
            return take(rest, ")") && verdict;
        }
        let Some((name, tail)) = rest.split_first() else {
            return false;
        };
        let mut name = (*name).to_owned();
        *rest = tail;
        if let Some(("WITH", tail)) = rest.split_first().map(|(word, tail)| (*word, tail))
            && let Some((exception, tail)) = tail.split_first()
        {
            name = format!("{name} WITH {exception}");
            *rest = tail;
        }
        self.licences.contains(&name)
    }
}

fn take(rest: &mut &[&str], word: &str) -> bool {
    match rest.split_first() {
        Some((first, tail)) if *first == word => {
            *rest = tail;
            true
        }
        _ => false,
    }
}

/// Checks and prints. `true` when every licence is allowed and every duplicate is excused.
pub(crate) fn run(root: &Path) -> anyhow::Result<bool> {
    let path = root.join("deny.toml");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let policy = Policy::parse(&text).context("in deny.toml")?;
    let packages = load(root)?;
    let report = check(&policy, &packages);
    for error in &report.errors {
        shell::say(&format!("error: {error}"));
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for package in &packages {
        *counts
            .entry(package.licence.as_deref().unwrap_or("none"))
            .or_default() += 1;
    }
    for (licence, count) in counts {
        shell::say(&format!("{count:4}  {licence}"));
    }
    shell::say(&format!(
        "licences: {} packages, {} errors",
        packages.len(),
        report.errors.len()
    ));
    Ok(report.errors.is_empty())
}

/// One package of the lock file.
pub(crate) struct Package {
    name: String,
    version: String,
    licence: Option<String>,
}

fn load(root: &Path) -> anyhow::Result<Vec<Package>> {
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .features(CargoOpt::AllFeatures)
        // What other systems would use is not built, not shipped, and perhaps not even downloaded.
        .other_options(vec![
            "--filter-platform".to_owned(),
            "x86_64-unknown-linux-gnu".to_owned(),
        ])
        .exec()
        .context("`cargo metadata` failed")?;
    Ok(metadata
        .packages
        .iter()
        .map(|package| Package {
            name: package.name.to_string(),
            version: package.version.to_string(),
            licence: package.license.clone(),
        })
        .collect())
}

/// Judges every package.
pub(crate) fn check(policy: &Policy, packages: &[Package]) -> Report {
    let mut report = Report::default();
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in packages {
        versions
            .entry(&package.name)
            .or_default()
            .push(&package.version);
        match &package.licence {
            None => report.error(&package.name, "states no licence"),
            Some(licence) if !policy.satisfies(licence) => {
                report.error(
                    &package.name,
                    format_args!("`{licence}` is not allowed by deny.toml"),
                );
            }
            Some(_) => {}
        }
    }
    for (name, versions) in versions {
        if versions.len() > 1 && !policy.duplicates.iter().any(|excused| excused == name) {
            report.error(
                name,
                format_args!("{} versions: {}", versions.len(), versions.join(", ")),
            );
        }
    }
    report
}

#[cfg(test)]
mod tests;
