//! The ignore rules against git itself, and what `track` adds to them.

mod oracle;
mod track;

use std::path::Path;

use aft_model::RelPath;
use aft_os::ReadDir;
use aft_testkit::SimWorld;

use super::*;

fn rel(path: &str) -> RelPath {
    RelPath::new(path).unwrap()
}

/// A workspace with these files; a path that ends in a slash is an empty directory.
fn world(files: &[(&str, &str)]) -> SimWorld {
    let world = SimWorld::of_seed(1);
    for (path, text) in files {
        make_dirs(&world, path);
        if !path.ends_with('/') {
            world.root.user_write(path, text).unwrap();
        }
    }
    world
}

fn make_dirs(world: &SimWorld, path: &str) {
    let mut at = 0;
    while let Some(slash) = path[at..].find('/') {
        let dir = &path[..at + slash];
        if world.root.lstat(&rel(dir)).unwrap().is_none() {
            world.root.user_mkdir(dir).unwrap();
        }
        at += slash + 1;
    }
}

fn verdict(world: &SimWorld, rules: &Rules, path: &str) -> Verdict {
    let is_dir = path.ends_with('/');
    rules.verdict(&world.root, &rel(path.trim_end_matches('/')), is_dir)
}

#[test]
fn a_line_is_parsed_as_git_parses_it() {
    let matches = |line: &str, path: &str, is_dir: bool| {
        PatternList::from_lines([line.as_bytes()].into_iter()).decide(
            path.as_bytes(),
            path.rsplit('/').next().unwrap().as_bytes(),
            is_dir,
        )
    };
    assert_eq!(matches("a{b,c}", "ab", false), None);
    assert_eq!(matches("a{b,c}", "a{b,c}", false), Some(true));
    assert_eq!(matches("x/a[!b]c", "x/a/c", false), None);
    assert_eq!(matches("trailing  ", "trailing", false), Some(true));
    assert_eq!(matches("trailing\\ ", "trailing ", false), Some(true));
    assert_eq!(matches("tab\t", "tab", false), None);
    assert_eq!(matches("!a", "a", false), Some(false));
    assert_eq!(matches("\\!a", "!a", false), Some(true));
    assert_eq!(matches("\\#a", "#a", false), Some(true));
    assert_eq!(matches("#a", "#a", false), None);
    assert_eq!(matches("/", "a", true), None);
    assert_eq!(matches("a/", "a", false), None);
    assert_eq!(matches("a/", "a", true), Some(true));
    assert_eq!(matches("a/**", "a", true), None);
    assert_eq!(matches("a/**/b", "a/b", false), Some(true));
    assert_eq!(matches("**/b", "b", false), Some(true));
    assert_eq!(matches("[[:digit:]x]", "7", false), Some(true));
    assert_eq!(matches("[]-a]", "]", false), Some(true));
    assert_eq!(matches("[a", "[a", false), None);
    let stars = "*a".repeat(2000);
    assert_eq!(
        matches(&stars, &"a".repeat(255), false),
        None,
        "a line that long is no pattern"
    );
    let stars = "*a".repeat(1000);
    assert_eq!(
        matches(&stars, &"a".repeat(255), false),
        None,
        "and this one ends soon"
    );
}

#[test]
fn a_byte_order_mark_and_carriage_returns_are_not_part_of_a_pattern() {
    let list = PatternList::parse(b"\xef\xbb\xbffirst\r\nsecond\r\n");
    assert_eq!(list.decide(b"first", b"first", false), Some(true));
    assert_eq!(list.decide(b"second", b"second", false), Some(true));
}

#[test]
fn names_that_are_not_text_are_matched_by_their_bytes() {
    let list = PatternList::parse(b"caf\xe9*\n");
    assert_eq!(
        list.decide(b"caf\xe9.txt", b"caf\xe9.txt", false),
        Some(true)
    );
    assert_eq!(list.decide(b"caf\xc3\xa9", b"caf\xc3\xa9", false), None);
}

#[test]
fn the_users_git_configuration_names_the_global_excludes() {
    let home = tempfile::tempdir().unwrap();
    let write = |path: &Path, text: &str| {
        use std::io::Write;
        std::fs::create_dir(path.parent().unwrap())
            .or_else(|error| match error.kind() {
                std::io::ErrorKind::AlreadyExists => Ok(()),
                _ => Err(error),
            })
            .unwrap();
        std::fs::File::create(path)
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
    };
    let (config, home) = (home.path().join("config"), home.path());
    assert_eq!(global_excludes(home, Some(&config)), None);
    std::fs::create_dir(&config).unwrap();
    write(&config.join("git/ignore"), "default\n");
    assert_eq!(global_excludes(home, Some(&config)).unwrap(), b"default\n");
    write(&home.join("mine"), "named\n");
    write(
        &home.join(".gitconfig"),
        "[user]\n\texcludesfile = ~/nothing\n[Core]\n\tExcludesFile = \"~/mine\" # here\n",
    );
    assert_eq!(global_excludes(home, Some(&config)).unwrap(), b"named\n");
}
