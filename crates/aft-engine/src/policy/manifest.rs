//! Which files say what a project depends on.
//!
//! Does: tell manifests and lock files of the common ecosystems by their paths.
//! Does not: read them, or count those that were installed with a dependency.

use aft_model::RelPath;

/// Manifests and lock files, with who reads them.
const NAMES: [(&str, &[&str]); 13] = [
    ("Cargo", &["Cargo.toml", "Cargo.lock"]),
    (
        "npm",
        &["package.json", "package-lock.json", "npm-shrinkwrap.json"],
    ),
    (
        "pnpm",
        &["pnpm-lock.yaml", "pnpm-workspace.yaml", ".pnpmfile.cjs"],
    ),
    ("yarn", &["yarn.lock", ".yarnrc.yml"]),
    ("bun", &["bun.lock", "bun.lockb"]),
    (
        "pip",
        &[
            "setup.py",
            "setup.cfg",
            "Pipfile",
            "Pipfile.lock",
            "constraints.txt",
        ],
    ),
    (
        "Python",
        &[
            "pyproject.toml",
            "poetry.lock",
            "uv.lock",
            "pdm.lock",
            "environment.yml",
        ],
    ),
    ("Go", &["go.mod", "go.sum", "go.work", "go.work.sum"]),
    ("Maven", &["pom.xml"]),
    (
        "Gradle",
        &[
            "build.gradle",
            "build.gradle.kts",
            "settings.gradle",
            "settings.gradle.kts",
            "gradle.lockfile",
            "libs.versions.toml",
        ],
    ),
    (
        "Bundler",
        &["Gemfile", "Gemfile.lock", "gems.rb", "gems.locked"],
    ),
    ("Composer", &["composer.json", "composer.lock"]),
    (
        "NuGet",
        &[
            "packages.config",
            "packages.lock.json",
            "Directory.Packages.props",
            "paket.dependencies",
            "paket.lock",
        ],
    ),
];

/// Endings of manifests whose names are the project's own.
const ENDINGS: [(&str, &str); 4] = [
    (".csproj", "NuGet"),
    (".fsproj", "NuGet"),
    (".vbproj", "NuGet"),
    (".gemspec", "Bundler"),
];

/// Directories that hold other people's projects.
const FOREIGN: [&str; 8] = [
    "node_modules",
    "vendor",
    "target",
    ".venv",
    "venv",
    "site-packages",
    ".tox",
    ".cargo",
];

/// Whose manifest or lock file `path` is; `None` for any other file.
#[must_use]
pub fn of(path: &RelPath) -> Option<&'static str> {
    let name = std::str::from_utf8(path.file_name()).ok()?;
    let by_name = NAMES
        .into_iter()
        .find(|(_, names)| names.contains(&name))
        .map(|(whose, _)| whose);
    let whose = by_name.or_else(|| is_requirements(name).then_some("pip"));
    let by_ending = || {
        let found = ENDINGS.into_iter().find(|(end, _)| name.ends_with(end));
        found.map(|(_, whose)| whose)
    };
    let whose = whose.or_else(by_ending)?;
    let is_foreign = path
        .components()
        .any(|part| FOREIGN.iter().any(|foreign| foreign.as_bytes() == part));
    (!is_foreign).then_some(whose)
}

/// `requirements.txt`, `requirements-dev.txt`, `dev-requirements.in`.
fn is_requirements(name: &str) -> bool {
    let stem = name
        .strip_suffix(".txt")
        .or_else(|| name.strip_suffix(".in"));
    stem.is_some_and(|stem| stem.starts_with("requirements") || stem.ends_with("requirements"))
}

#[cfg(test)]
mod tests {
    use aft_model::RelPath;

    use super::of;

    #[test]
    fn manifests_and_lock_files_of_every_ecosystem_are_known_anywhere_in_the_tree() {
        for (path, whose) in [
            ("Cargo.toml", "Cargo"),
            ("crates/a/Cargo.toml", "Cargo"),
            ("Cargo.lock", "Cargo"),
            ("web/package.json", "npm"),
            ("package-lock.json", "npm"),
            ("pnpm-lock.yaml", "pnpm"),
            ("yarn.lock", "yarn"),
            ("requirements.txt", "pip"),
            ("requirements-dev.txt", "pip"),
            ("dev-requirements.in", "pip"),
            ("poetry.lock", "Python"),
            ("uv.lock", "Python"),
            ("pyproject.toml", "Python"),
            ("go.mod", "Go"),
            ("go.sum", "Go"),
            ("pom.xml", "Maven"),
            ("app/build.gradle.kts", "Gradle"),
            ("Gemfile.lock", "Bundler"),
            ("thing.gemspec", "Bundler"),
            ("composer.lock", "Composer"),
            ("src/App.csproj", "NuGet"),
            ("packages.lock.json", "NuGet"),
        ] {
            assert_eq!(of(&RelPath::new(path).unwrap()), Some(whose), "{path}");
        }
    }

    #[test]
    fn other_files_and_what_was_installed_are_none() {
        for path in [
            "",
            "src/main.rs",
            "cargo.toml.bak",
            "Cargo.toml/readme",
            "requirements.md",
            "package.json5",
            "node_modules/left-pad/package.json",
            "vendor/x/composer.json",
            "a/.venv/lib/setup.py",
        ] {
            assert_eq!(of(&RelPath::new(path).unwrap()), None, "{path}");
        }
    }
}
