//! Published versions of a real package, unpacked on this machine.
//!
//! Does: take them from `AFT_VERSIONS_DIR`, else from the package index through its own client into a
//! cache beside the build, else from what cargo holds of one crate in several versions.
//! Does not: invent a version. Where there is only one, or none, it says so and gives what there is.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A small package that has changed its shape over ten years.
const PACKAGE: &str = "click";
const VERSIONS: &[&str] = &["6.7", "7.0", "7.1.2", "8.0.4", "8.1.0", "8.1.7", "8.2.1"];

/// Directories that hold one version each, oldest first.
pub(super) fn versions() -> Vec<PathBuf> {
    if let Some(dir) = std::env::var_os("AFT_VERSIONS_DIR") {
        let found = directories(Path::new(&dir));
        assert!(
            found.len() > 1,
            "no two versions in AFT_VERSIONS_DIR={}",
            dir.display()
        );
        return found;
    }
    let fetched = fetch();
    if fetched.len() > 1 {
        return fetched;
    }
    println!(
        "NOT AS WANTED: no package index answers; taking crates that cargo holds in several versions"
    );
    let crates = of_crates();
    if crates.len() < 2 {
        println!("SKIPPED: cargo holds no crate in two versions");
    }
    crates
}

fn directories(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    found
}

/// A cache beside the build, so that only a first run needs the network.
fn cache() -> Option<PathBuf> {
    let exe = std::env::current_exe().ok()?;
    let target = exe
        .ancestors()
        .find(|dir| dir.join("CACHEDIR.TAG").is_file())?;
    Some(target.join("aft-real-packages"))
}

fn fetch() -> Vec<PathBuf> {
    let Some(cache) = cache() else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for version in VERSIONS {
        let dir = cache.join(format!("{PACKAGE}-{version}"));
        if !dir.is_dir() && unpack(version, &cache, &dir).is_none() {
            println!("cannot fetch {PACKAGE} {version}");
            // Without an index every further version would only wait for another time-out.
            if found.is_empty() {
                return found;
            }
            continue;
        }
        found.push(dir);
    }
    found
}

/// Fetches and unpacks aside, and renames into place: another test process may do the same.
fn unpack(version: &str, cache: &Path, dir: &Path) -> Option<()> {
    fs::create_dir_all(cache).ok()?;
    let aside = tempfile::tempdir_in(cache).ok()?;
    let wheels = aside.path().join("wheels");
    let wanted = format!("{PACKAGE}=={version}");
    run(Command::new("python3")
        .args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary=:all:",
        ])
        .args([
            "--disable-pip-version-check",
            "--timeout",
            "5",
            "--retries",
            "0",
            "--dest",
        ])
        .arg(&wheels)
        .arg(wanted))?;
    let wheel = fs::read_dir(&wheels).ok()?.next()?.ok()?.path();
    let tree = aside.path().join("tree");
    run(Command::new("python3")
        .args(["-m", "zipfile", "-e"])
        .arg(&wheel)
        .arg(&tree))?;
    // Another process may have been faster; its tree is the same.
    drop(fs::rename(&tree, dir));
    dir.is_dir().then_some(())
}

fn run(command: &mut Command) -> Option<()> {
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.ok()?.success().then_some(())
}

/// The crate that cargo's unpacked sources hold in most versions.
fn of_crates() -> Vec<PathBuf> {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let mut by_name: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for registry in home
        .iter()
        .flat_map(|home| directories(&home.join("registry/src")))
    {
        for source in directories(&registry) {
            let file_name = source
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let is_version =
                |at: usize| file_name[at + 1..].starts_with(|first: char| first.is_ascii_digit());
            if let Some(at) = file_name
                .match_indices('-')
                .map(|(at, _)| at)
                .find(|at| is_version(*at))
            {
                by_name
                    .entry(file_name[..at].to_owned())
                    .or_default()
                    .push(source);
            }
        }
    }
    by_name
        .into_values()
        .max_by_key(Vec::len)
        .unwrap_or_default()
}
