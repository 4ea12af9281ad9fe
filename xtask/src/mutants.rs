//! Planted bugs: each is put into a private copy of the repository, and the test that is there for it must turn red.
//!
//! Does: copy the files git knows of to `target/mutants/tree`, build there with a target directory of its own, see every
//! named test green, then for each bug of `config/mutants.toml` replace its text, run its test and put the file back.
//! Does not: touch a file of the repository; think of bugs by itself; call a bug that does not compile a success.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use anyhow::{Context as _, bail};

use crate::shell;

/// A test that runs longer has turned red too: a bug may make it wait for ever. Without a bug none takes so long.
const TEST_SECONDS: &str = "900";

/// What `timeout` ends with then.
const TIMED_OUT: i32 = 124;

/// One bug.
struct Mutant {
    name: String,
    /// What is wrong then.
    what: String,
    file: String,
    find: String,
    replace: String,
    test: Test,
}

/// The package of a test, and the filter that names it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Test {
    package: String,
    filter: String,
}

/// How a run of a test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Green,
    Red,
    /// Longer than [`TEST_SECONDS`].
    NoEnd,
    NotRun,
}

/// Runs the bugs whose names are given, or all. `false` where one was not found by its test.
pub(crate) fn run(root: &Path, names: &[String]) -> anyhow::Result<bool> {
    let mut mutants = load(root)?;
    for name in names {
        if !mutants.iter().any(|mutant| mutant.name == *name) {
            bail!("config/mutants.toml has no `{name}`");
        }
    }
    mutants.retain(|mutant| names.is_empty() || names.contains(&mutant.name));
    let tree = root.join("target/mutants/tree");
    copy(root, &tree)?;
    let mut tests: Vec<&Test> = mutants.iter().map(|mutant| &mutant.test).collect();
    tests.sort();
    tests.dedup();
    for test in tests {
        let outcome = test.run(&tree)?;
        if outcome != Outcome::Green {
            bail!(
                "without a bug, {} {} is {outcome:?}",
                test.package,
                test.filter
            );
        }
    }
    let mut rows = vec![
        "| bug | test | it is |".to_owned(),
        "|---|---|---|".to_owned(),
    ];
    let mut all_red = true;
    for mutant in &mutants {
        shell::say(&format!("{}: {}", mutant.name, mutant.what));
        // One that cannot be planted any more does not keep the others from being tried.
        let outcome = mutant.run(&tree).unwrap_or_else(|error| {
            shell::say(&format!("{error:#}"));
            Outcome::NotRun
        });
        all_red &= matches!(outcome, Outcome::Red | Outcome::NoEnd);
        let Test { package, filter } = &mutant.test;
        let row = format!("| {} | `{package}` {filter} | {outcome:?} |", mutant.what);
        shell::say(&row);
        rows.push(row);
    }
    rows.iter().for_each(|row| shell::say(row));
    Ok(all_red)
}

/// The bugs that cannot be planted any more because their text is not once in its file; each with why.
pub(crate) fn unplantable(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for mutant in load(root)? {
        let count = read(&root.join(&mutant.file)).map_or(0, |text| mutant.count_in(&text));
        if count != 1 {
            let Mutant { name, file, .. } = &mutant;
            found.push(format!("the text of `{name}` is {count} times in {file}"));
        }
    }
    Ok(found)
}

impl Mutant {
    fn count_in(&self, text: &str) -> usize {
        text.matches(&self.find).count()
    }

    fn run(&self, tree: &Path) -> anyhow::Result<Outcome> {
        let path = tree.join(&self.file);
        let clean = read(&path)?;
        if self.count_in(&clean) != 1 {
            bail!("`{}`: its text is not once in {}", self.name, self.file);
        }
        shell::write(&path, clean.replace(&self.find, &self.replace).as_bytes())?;
        let outcome = self.test.run(tree);
        shell::write(&path, clean.as_bytes())?;
        outcome.with_context(|| format!("with the bug `{}`", self.name))
    }
}

impl Test {
    fn run(&self, tree: &Path) -> anyhow::Result<Outcome> {
        // The end-to-end tests drive the binary beside them.
        let drives = ["aft-tests", "aft-cli"].contains(&self.package.as_str());
        if drives
            && !cargo(tree, &["build", "--quiet", "-p", "aft-cli"])?
                .0
                .success()
        {
            bail!("it does not compile");
        }
        let test = ["test", "--quiet", "-p", &self.package, "--no-run"];
        if !cargo(tree, &test)?.0.success() {
            bail!("its tests do not compile");
        }
        let (status, printed) = cargo(tree, &["test", "-p", &self.package, &self.filter])?;
        if status.code() == Some(TIMED_OUT) {
            return Ok(Outcome::NoEnd);
        }
        if !status.success() {
            return Ok(Outcome::Red);
        }
        let some_ran = printed
            .lines()
            .any(|line| line.starts_with("test result: ok.") && !line.contains(" 0 passed"));
        Ok(if some_ran {
            Outcome::Green
        } else {
            Outcome::NotRun
        })
    }
}

/// Runs cargo in the copy: how it ended, and what it printed.
fn cargo(tree: &Path, arguments: &[&str]) -> anyhow::Result<(ExitStatus, String)> {
    let output = shell::command("timeout")
        .arg(TEST_SECONDS)
        .arg("cargo")
        .args(arguments)
        .current_dir(tree)
        .env("CARGO_TARGET_DIR", tree.with_file_name("target"))
        // A build for each bug: what a debugger wants is left out.
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("CARGO_PROFILE_TEST_DEBUG", "0")
        .output()
        .context("cannot run cargo")?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok((output.status, printed))
}

fn load(root: &Path) -> anyhow::Result<Vec<Mutant>> {
    let path = root.join("config/mutants.toml");
    let table: toml::Table = read(&path)?
        .parse()
        .context("config/mutants.toml is not TOML")?;
    let mutants = table.into_iter().map(|(name, value)| {
        let mut texts: BTreeMap<String, String> = value
            .try_into()
            .with_context(|| format!("`{name}` is not a table of strings"))?;
        let mut text = |key: &str| {
            let text = texts.remove(key);
            text.with_context(|| format!("`{name}` has no `{key}`"))
        };
        Ok(Mutant {
            what: text("what")?,
            file: text("file")?,
            find: text("find")?,
            replace: text("replace")?,
            test: Test {
                package: text("package")?,
                filter: text("test")?,
            },
            name,
        })
    });
    mutants.collect()
}

/// Makes the copy like the repository. A file that is the same keeps its time, so that little is built again.
fn copy(root: &Path, tree: &Path) -> anyhow::Result<()> {
    let listed = shell::command("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root)
        .output()
        .context("cannot run git")?;
    let names = String::from_utf8(listed.stdout).context("a name is not UTF-8")?;
    for name in names.split('\0').filter(|name| !name.is_empty()) {
        let (from, to): (PathBuf, PathBuf) = (root.join(name), tree.join(name));
        // Deleted and not committed.
        let Ok(bytes) = std::fs::read(&from) else {
            continue;
        };
        if std::fs::read(&to).ok().as_ref() != Some(&bytes) {
            shell::write(&to, &bytes)?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
