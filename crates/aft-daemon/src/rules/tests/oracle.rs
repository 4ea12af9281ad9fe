//! Random trees and rule files, judged by `git check-ignore`.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use aft_testkit::sim::Rng;

use crate::config::{IgnoredFiles, TrackConfig};

use super::super::*;
use super::{make_dirs, rel, world};

const NAMES: [&str; 14] = [
    "a", "b", "ab", "abc", "a.b", "x.o", "x.tar.o", "-", "b ", "!a", "#a", "{a}", "[a]", "a\\b",
];

const PIECES: [&str; 30] = [
    "a",
    "b",
    "c",
    "ab",
    "*",
    "?",
    "**",
    ".o",
    ".",
    "[ab]",
    "[!a]",
    "[^b]",
    "[a-c]",
    "[]a]",
    "[",
    "]",
    "\\a",
    "\\*",
    "\\[",
    "[[:alpha:]]",
    "[[:foo:]]",
    "{a}",
    "{a,b}",
    "-",
    "x",
    " ",
    "!",
    "#",
    "tar",
    "\\",
];

/// A random pattern, sometimes nonsense.
fn pattern(rng: &mut Rng) -> String {
    let mut line = String::new();
    if rng.chance(200) {
        line.push('!');
    }
    if rng.chance(250) {
        line.push('/');
    }
    let components = 1 + rng.index(3);
    for index in 0..components {
        if index > 0 {
            line.push('/');
        }
        if rng.chance(150) {
            line.push_str("**");
            continue;
        }
        for _ in 0..1 + rng.index(3) {
            let name = rng.chance(300);
            let piece = if name {
                NAMES[rng.index(NAMES.len())]
            } else {
                PIECES[rng.index(PIECES.len())]
            };
            line.push_str(piece);
        }
    }
    if rng.chance(200) {
        line.push('/');
    }
    line
}

/// A random tree: directories (with a slash) and files.
fn tree(rng: &mut Rng) -> Vec<String> {
    let mut dirs = vec![String::new()];
    let mut paths = BTreeSet::new();
    for _ in 0..40 {
        let parent = dirs[rng.index(dirs.len())].clone();
        let path = format!("{parent}{}", NAMES[rng.index(NAMES.len())]);
        if paths.contains(&path)
            || paths.contains(&format!("{path}/"))
            || path.matches('/').count() > 3
        {
            continue;
        }
        if rng.chance(450) {
            dirs.push(format!("{path}/"));
            paths.insert(format!("{path}/"));
        } else {
            paths.insert(path);
        }
    }
    paths.into_iter().collect()
}

/// What git says is ignored, by itself or with a directory above it.
fn git_ignored(root: &Path, paths: &[String]) -> BTreeSet<String> {
    #[expect(clippy::disallowed_methods, reason = "git is the oracle")]
    let mut child = std::process::Command::new("git")
        .args([
            "-c",
            "core.excludesFile=/dev/null",
            "check-ignore",
            "-z",
            "--stdin",
            "--no-index",
        ])
        .current_dir(root)
        .env_remove("GIT_DIR")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let asked: Vec<u8> = paths
        .iter()
        .flat_map(|path| [path.trim_end_matches('/').as_bytes(), b"\0"].concat())
        .collect();
    input.write_all(&asked).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.code().is_some_and(|code| code <= 1),
        "git failed"
    );
    let ignored: BTreeSet<String> = output
        .stdout
        .split(|b| *b == 0)
        .map(|path| String::from_utf8(path.to_vec()).unwrap())
        .collect();
    paths
        .iter()
        .filter(|path| ignored.contains(path.trim_end_matches('/')))
        .cloned()
        .collect()
}

/// The least that git takes for a repository.
fn init(root: &Path) {
    for dir in [".git", ".git/info", ".git/objects", ".git/refs"] {
        std::fs::create_dir(root.join(dir)).unwrap();
    }
    write(root, ".git/HEAD", "ref: refs/heads/main\n");
}

fn write(root: &Path, path: &str, text: &str) {
    std::fs::File::create(root.join(path))
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
}

/// One random repository. Returns how many paths were ignored and how many not.
fn one_round(seed: u64) -> (usize, usize) {
    let mut rng = Rng::new(seed);
    let paths = tree(&mut rng);
    let mut files: Vec<(String, String)> = Vec::new();
    let dirs: Vec<&String> = paths.iter().filter(|path| path.ends_with('/')).collect();
    for _ in 0..1 + rng.index(4) {
        let dir = if rng.chance(400) || dirs.is_empty() {
            String::new()
        } else {
            dirs[rng.index(dirs.len())].clone()
        };
        let lines: Vec<String> = (0..1 + rng.index(5)).map(|_| pattern(&mut rng)).collect();
        let name = if dir.is_empty() && rng.chance(200) {
            ".git/info/exclude"
        } else {
            ".gitignore"
        };
        files.retain(|(path, _)| *path != format!("{dir}{name}"));
        files.push((
            format!("{dir}{name}"),
            lines.join(if rng.chance(100) { "\r\n" } else { "\n" }),
        ));
    }
    let real = tempfile::tempdir().unwrap();
    init(real.path());
    let simulated = world(&[(".git/info/", "")]);
    for path in &paths {
        make_dirs(&simulated, path);
        if path.ends_with('/') {
            std::fs::create_dir(real.path().join(path)).unwrap();
        } else {
            write(real.path(), path, "");
            simulated.root.user_write(path, "").unwrap();
        }
    }
    for (path, text) in &files {
        write(real.path(), path, text);
        simulated.root.user_write(path, text).unwrap();
    }
    let expected = git_ignored(real.path(), &paths);
    let track = TrackConfig {
        ignored: IgnoredFiles::None,
        ..TrackConfig::default()
    };
    let rules = Rules::load(&simulated.root, &[], &[], &track);
    for path in &paths {
        let is_dir = path.ends_with('/');
        let verdict = rules.verdict(&simulated.root, &rel(path.trim_end_matches('/')), is_dir);
        let ignored = verdict != Verdict::Track;
        assert_eq!(
            ignored,
            expected.contains(path),
            "seed {seed}: {path:?} is {verdict:?} under {files:#?}"
        );
    }
    (expected.len(), paths.len() - expected.len())
}

#[test]
fn random_rules_mean_what_they_mean_to_git() {
    let rounds = std::env::var("AFT_ORACLE_ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(150);
    let (mut ignored, mut tracked) = (0, 0);
    for seed in 0..rounds {
        let (more_ignored, more_tracked) = one_round(seed);
        ignored += more_ignored;
        tracked += more_tracked;
    }
    // Rules that ignore nothing, or everything, would prove nothing.
    assert!(
        ignored * 10 > tracked && tracked * 10 > ignored,
        "{ignored} ignored, {tracked} tracked"
    );
}
