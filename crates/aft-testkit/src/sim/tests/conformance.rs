//! The simulation beside the real thing: the same calls give the same errors, the same actions raise the same
//! signals in the same order, and both leave the same tree.

mod signals;

use std::io::Read;
use std::path::Path;

use aft_os::{RealStoreDir, StoreDir, WritableRoot, WriteDir};

use super::*;
use crate::manifest::{Manifest, assert_same};
use crate::workspace::Workspace;

type Call = (&'static str, fn(&dyn WriteDir) -> std::io::Result<String>);

fn told<T: std::fmt::Debug>(result: std::io::Result<T>) -> std::io::Result<String> {
    result.map(|value| format!("{value:?}"))
}

/// Calls in the order they are made, each on what the former ones left.
const CALLS: &[Call] = &[
    ("lstat beneath a file", |r| told(r.lstat(&p("f/x")))),
    ("lstat beneath nothing", |r| told(r.lstat(&p("none/x")))),
    ("lstat beneath a link", |r| told(r.lstat(&p("link/x")))),
    ("lstat of a link", |r| {
        told(
            r.lstat(&p("link"))
                .map(|s| s.map(|s| (s.mode, s.size, s.nlink))),
        )
    }),
    ("lstat of a file", |r| {
        told(
            r.lstat(&p("f"))
                .map(|s| s.map(|s| (s.mode, s.size, s.nlink))),
        )
    }),
    ("scan of a file", |r| told(r.scan(&p("f")))),
    ("scan of nothing", |r| told(r.scan(&p("none")))),
    ("scan of a link", |r| told(r.scan(&p("link")))),
    ("open of a fifo", |r| told(r.open(&p("pipe")).map(drop))),
    ("open of a link", |r| told(r.open(&p("link")).map(drop))),
    ("open of a directory", |r| told(r.open(&p("d")).map(drop))),
    ("open of nothing", |r| told(r.open(&p("none")).map(drop))),
    ("open beneath a link", |r| {
        told(r.open(&p("link/x")).map(drop))
    }),
    ("read_link of a file", |r| told(r.read_link(&p("f")))),
    ("read_link of a link", |r| told(r.read_link(&p("link")))),
    ("create over a file", |r| {
        told(r.create(&p("f"), 0o644, b"x").map(drop))
    }),
    ("create beneath a file", |r| {
        told(r.create(&p("f/x"), 0o644, b"x").map(drop))
    }),
    ("create beneath nothing", |r| {
        told(r.create(&p("none/x"), 0o644, b"x").map(drop))
    }),
    ("create beneath a link", |r| {
        told(r.create(&p("link/x"), 0o644, b"x").map(drop))
    }),
    ("create", |r| {
        told(
            r.create(&p("new"), 0o755, b"12345")
                .map(|s| (s.mode, s.size)),
        )
    }),
    ("create from", |r| {
        told(
            r.create_from(&p("new2"), 0o600, &mut b"67".as_slice())
                .map(|s| (s.mode, s.size)),
        )
    }),
    ("make_dir over a file", |r| told(r.make_dir(&p("f"), 0o755))),
    ("make_dir", |r| told(r.make_dir(&p("made"), 0o750))),
    ("make_link over a file", |r| {
        told(r.make_link(&p("f"), b"x").map(drop))
    }),
    ("make_link", |r| {
        told(r.make_link(&p("made/l"), b"../f").map(|s| s.size))
    }),
    ("rename_new over a file", |r| {
        told(r.rename_new(&p("new"), &p("f")))
    }),
    ("rename_new over a directory", |r| {
        told(r.rename_new(&p("new"), &p("d")))
    }),
    ("rename_new of nothing", |r| {
        told(r.rename_new(&p("none"), &p("x")))
    }),
    ("rename_new into itself", |r| {
        told(r.rename_new(&p("d"), &p("d/sub/x")))
    }),
    ("rename_new beneath a link", |r| {
        told(r.rename_new(&p("f"), &p("link/f")))
    }),
    ("rename_new", |r| {
        told(r.rename_new(&p("new"), &p("made/new")))
    }),
    ("exchange with nothing", |r| {
        told(r.exchange(&p("f"), &p("none")))
    }),
    ("exchange with what is above", |r| {
        told(r.exchange(&p("d/sub"), &p("d")))
    }),
    ("exchange of a file and a directory", |r| {
        told(r.exchange(&p("f"), &p("d")))
    }),
    ("remove_file of a directory", |r| {
        told(r.remove_file(&p("f")))
    }),
    ("remove_file of nothing", |r| {
        told(r.remove_file(&p("none")))
    }),
    ("remove_dir of a file", |r| told(r.remove_dir(&p("d")))),
    ("remove_dir of a full one", |r| told(r.remove_dir(&p("f")))),
    ("remove_dir", |r| {
        told(
            r.remove_dir(&p("f/sub"))
                .and_then(|()| r.remove_dir(&p("f"))),
        )
    }),
    ("set_mode", |r| {
        told(
            r.lstat(&p("new2"))
                .and_then(|s| r.set_mode(&p("new2"), 0o444, &s.unwrap())),
        )
    }),
    ("set_mode of another", |r| {
        told(
            r.lstat(&p("d"))
                .and_then(|s| r.set_mode(&p("new2"), 0o400, &s.unwrap())),
        )
    }),
    ("remove_file of a link", |r| told(r.remove_file(&p("link")))),
    ("sync", |r| {
        told(r.sync_file(&p("d")).and_then(|()| r.sync_dir(&p("made"))))
    }),
    ("sync_file of nothing", |r| told(r.sync_file(&p("none")))),
    ("sync_dir of a file", |r| told(r.sync_dir(&p("d")))),
];

const TREE: &str = "//- /f\nf\n//- /d/sub/\n//- /link link=d\n";

#[test]
fn calls_succeed_and_fail_alike() {
    let workspace = Workspace::from_fixture(TREE);
    workspace.sh("mkfifo -m 644 pipe");
    let world = SimWorld::of_seed(1);
    world.root.user_fixture(TREE).unwrap();
    world.root.user_fifo("pipe").unwrap();
    let real = WritableRoot::open(workspace.root()).unwrap();
    for (what, call) in CALLS {
        // EINVAL of a rename means both: into itself, and flags that the file system does not know. The real
        // handle tells the second.
        let told = |result: std::io::Result<String>| {
            result.map_err(|error| match error.kind() {
                std::io::ErrorKind::Unsupported => std::io::ErrorKind::InvalidInput,
                kind => kind,
            })
        };
        assert_eq!(
            told(call(&world.root)),
            told(call(&real)),
            "{what}: simulated against real"
        );
    }
    assert_same(
        &Manifest::of(workspace.root()),
        &world.root.manifest(),
        "simulated against real",
    );
}

/// What a store's caller sees, step by step.
fn use_store(store: &dyn StoreDir) -> Vec<String> {
    let mut log = Vec::new();
    let mut note = |what: &str, result: std::io::Result<String>| {
        log.push(format!(
            "{what}: {:?}",
            result.map_err(|error| error.kind())
        ));
    };
    let mut file = store.append("a.seg").unwrap();
    note("append", told(file.append(b"12345").map(|()| file.len())));
    note("sync", told(file.sync()));
    note("truncate", told(file.truncate(3).map(|()| file.len())));
    note(
        "append after",
        told(file.append(b"xy").map(|()| file.len())),
    );
    note("again", told(store.append("a.seg").map(|file| file.len())));
    let mut buf = [0; 2];
    let read = store.read("a.seg").unwrap();
    note("read", told(read.read_exact_at(&mut buf, 3).map(|()| buf)));
    note("read past the end", told(read.read_exact_at(&mut buf, 4)));
    note("read nothing", told(store.read("none").map(drop)));
    note(
        "replace",
        told(
            store
                .replace("small", b"one")
                .and_then(|()| store.replace("small", b"two")),
        ),
    );
    note("rename", told(store.rename("a.seg", "b.seg")));
    note("rename nothing", told(store.rename("a.seg", "c.seg")));
    note("the open file after", told(read.len()));
    note("remove nothing", told(store.remove("a.seg")));
    let sub = store.subdir("sub").unwrap();
    note(
        "inside",
        told(sub.replace("x", b"1").and_then(|()| sub.list())),
    );
    note(
        "a file as a directory",
        told(store.subdir("small").map(drop)),
    );
    note("a directory as a file", told(store.append("sub").map(drop)));
    note("removing a directory", told(store.remove("sub")));
    for name in ["", ".", "..", "a/b", "a b", "\u{e4}"] {
        note(name, told(store.append(name).map(drop)));
    }
    note("list", told(store.list()));
    note("sync_dir", told(store.sync_dir()));
    log
}

#[test]
fn stores_behave_alike() {
    let dir = tempfile::tempdir().unwrap();
    let place: &Path = &dir.path().join("store");
    let real = RealStoreDir::open(place, true).unwrap();
    let world = SimWorld::of_seed(1);
    assert_eq!(
        use_store(&world.store),
        use_store(&real),
        "simulated against real"
    );
    let mut bytes = Vec::new();
    std::fs::File::open(place.join("b.seg"))
        .unwrap()
        .read_to_end(&mut bytes)
        .unwrap();
    assert_eq!(world.store.peek("b.seg").unwrap(), bytes);
}
