//! The oracle sees every kind of difference, and only those.

use super::*;
use crate::workspace::Workspace;

const TREE: &str = "//- /a.txt\none\n//- /bin/run mode=755\n#!/bin/sh\n//- /empty/\n//- /link link=a.txt\n//- /.git/HEAD\nx\n//- /.afterimage/s\ny\n//- /sub/.git/HEAD\nz\n";

fn changed(change: impl Fn(&Workspace)) -> Vec<String> {
    let workspace = Workspace::from_fixture(TREE);
    let before = Manifest::of(workspace.root());
    change(&workspace);
    diff(&before, &Manifest::of(workspace.root()))
}

#[test]
fn every_difference_is_seen_and_told() {
    assert_eq!(changed(|_| ()), Vec::<String>::new());
    assert_eq!(changed(|w| w.write("a.txt", "one\n")), Vec::<String>::new());
    let one = |lines: Vec<String>, start: &str| {
        assert!(lines.len() == 1 && lines[0].starts_with(start), "{lines:?}")
    };
    one(
        changed(|w| w.write("a.txt", "two\n")),
        "a.txt: file 0644 of 4 bytes",
    );
    one(changed(|w| w.chmod("bin/run", 0o644)), "bin/run: file 0755");
    one(
        changed(|w| w.chmod("empty", 0o700)),
        "empty: directory 0755 became directory 0700",
    );
    one(
        changed(|w| w.remove("empty")),
        "empty: missing, was directory",
    );
    one(
        changed(|w| w.write([b'n', 0xff], "")),
        "n\u{fffd}: added, file",
    );
    let relinked = |w: &Workspace| {
        w.remove("link");
        w.symlink("link", "b.txt");
    };
    one(
        changed(relinked),
        "link: link to \"a.txt\" became link to \"b.txt\"",
    );
    let retyped = |w: &Workspace| {
        w.remove("a.txt");
        w.mkdir("a.txt");
    };
    one(changed(retyped), "a.txt: file");
    let piped = |w: &Workspace| drop(w.sh("mkfifo p"));
    one(changed(piped), "p: added, special file");
}

#[test]
fn git_staging_and_times_are_as_asked() {
    let workspace = Workspace::from_fixture(TREE);
    let all = Manifest::of(workspace.root());
    assert!(all.get(".git/HEAD").is_some() && all.get(".afterimage/s").is_some());
    let options = Options {
        skip_git: true,
        skip_staging: true,
        mtime: true,
    };
    let some = Manifest::with(workspace.root(), options);
    let names: Vec<_> = some
        .entries
        .keys()
        .map(|path| String::from_utf8_lossy(path).into_owned())
        .collect();
    assert_eq!(names, ["a.txt", "bin", "bin/run", "empty", "link", "sub"]);
    assert!(some.get("a.txt").unwrap().mtime_ns.is_some());
    workspace.sh("touch -d 2001-01-01 a.txt");
    assert_eq!(
        diff(&some, &Manifest::with(workspace.root(), options)).len(),
        1
    );
    assert_eq!(
        diff(&all, &Manifest::of(workspace.root())),
        Vec::<String>::new()
    );
}

#[test]
fn a_tree_deeper_than_a_path_may_be_is_read() {
    let workspace = Workspace::new();
    let name = "d".repeat(200);
    workspace.sh(&format!(
        "for i in $(seq 40); do mkdir {name}; cd -P {name}; done; echo x > deep"
    ));
    let manifest = Manifest::of(workspace.root());
    assert_eq!(manifest.entries.len(), 41);
    let (path, entry) = manifest.entries.iter().last().unwrap();
    assert!(path.len() > 8000 && path.ends_with(b"/deep"));
    assert_eq!(*entry, Entry::file(entry.mode, b"x\n"));
    workspace.sh(&format!("while [ -d {name} ]; do mv {name}/{name} next 2>/dev/null || true; rm -rf {name}; [ -d next ] && mv next {name} || true; done"));
}

#[test]
fn a_simulated_tree_and_a_real_one_of_the_same_fixture_are_equal() {
    let workspace = Workspace::from_fixture(TREE);
    let world = crate::SimWorld::of_seed(1);
    world.root.user_fixture(TREE).unwrap();
    assert_same(
        &Manifest::of(workspace.root()),
        &world.root.manifest(),
        "simulated against real",
    );
}
