//! The simulation beside the real thing: the same calls give the same errors, the same actions raise the same
//! signals in the same order, and both leave the same tree.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aft_os::{
    InotifyWatch, RealRoot, RealStoreDir, Signal, SignalKind, StoreDir, Watch, WritableRoot,
    WriteDir,
};

use super::*;
use crate::manifest::{Manifest, assert_same};
use crate::workspace::{Workspace, wait_until};

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

type Action = (
    &'static str,
    fn(&SimRoot) -> std::io::Result<()>,
    &'static str,
);

/// What users do, in the simulation and as a shell script.
const ACTIONS: &[Action] = &[
    ("make", |r| r.user_write("n", "1"), "echo -n 1 > n"),
    ("overwrite", |r| r.user_write("n", "2"), "echo -n 2 > n"),
    ("append", |r| r.user_append("n", "3"), "echo -n 3 >> n"),
    (
        "write unwatched",
        |r| r.user_write("unseen/n", "1"),
        "echo -n 1 > unseen/n",
    ),
    ("chain", |r| r.user_mkdir("a/b/c"), "mkdir -p a/b/c"),
    ("symlink", |r| r.user_symlink("l", "n"), "ln -s n l"),
    ("hard link", |r| r.user_hard_link("n", "d/h"), "ln n d/h"),
    ("fifo", |r| r.user_fifo("pipe"), "umask 022; mkfifo pipe"),
    ("chmod", |r| r.user_chmod("n", 0o600), "chmod 600 n"),
    (
        "chmod of an armed directory",
        |r| r.user_chmod("d", 0o750),
        "chmod 750 d",
    ),
    (
        "touch",
        |r| r.user_set_mtime("n", 978_307_200_000_000_000),
        "touch -h -d @978307200 n",
    ),
    ("rename", |r| r.user_rename("n", "d/m"), "mv n d/m"),
    (
        "rename out of sight",
        |r| r.user_rename("d/m", "unseen/m"),
        "mv d/m unseen/m",
    ),
    (
        "rename into sight",
        |r| r.user_rename("unseen/m", "m"),
        "mv unseen/m m",
    ),
    ("rename over", |r| r.user_rename("m", "f"), "mv -f m f"),
    (
        "exchange",
        |r| r.user_exchange("f", "d/x"),
        "python3 $EXCHANGE f d/x",
    ),
    (
        "exchange directories",
        |r| r.user_exchange("d/sub", "e"),
        "python3 $EXCHANGE d/sub e",
    ),
    ("remove", |r| r.user_remove("f"), "rm f"),
    (
        "move a directory out",
        |r| r.user_move_out("away"),
        "mv away ../away",
    ),
    (
        "move a directory in",
        |r| r.user_move_in("back", &[("x/y", b"1")]),
        "mkdir -p ../in/x; echo -n 1 > ../in/x/y; mv ../in back",
    ),
    (
        "rename an armed directory",
        |r| r.user_rename("d", "dd"),
        "mv d dd",
    ),
    (
        "write beneath its old name",
        |r| r.user_write("dd/late", "1"),
        "echo -n 1 > dd/late",
    ),
    (
        "remove an armed directory",
        |r| r.user_remove_all("e"),
        "rm -f e/*; rmdir e",
    ),
];

const ACTED_ON: &str = "//- /f eol=none\nf\n//- /d/x eol=none\nx\n//- /d/sub/\n//- /e/inner eol=none\n1\n//- /unseen/\n//- /away/z\n1\n";

const EXCHANGE: &str = "import ctypes,sys,os\na,b=(os.fsencode(x) for x in sys.argv[1:])\nassert ctypes.CDLL(None).renameat2(-100,a,-100,b,2)==0\n";

#[test]
fn actions_raise_the_same_signals() {
    let workspace = Workspace::from_fixture(ACTED_ON);
    std::fs::File::create_new(workspace.home().join("exchange.py"))
        .and_then(|mut file| std::io::Write::write_all(&mut file, EXCHANGE.as_bytes()))
        .unwrap();
    let cookies = tempfile::tempdir().unwrap();
    let world = SimWorld::of_seed(1);
    world.root.user_fixture(ACTED_ON).unwrap();
    let (simulated, real) = (Collector::new(), Collector::new());
    let root = Arc::new(RealRoot::open(workspace.root()).unwrap());
    let real_watch = InotifyWatch::start(root, cookies.path(), real.sink()).unwrap();
    let sim_watch = world.watch(simulated.sink());
    for dir in ["", "d", "d/sub", "e", "away"] {
        real_watch.add(&p(dir)).unwrap();
        sim_watch.add(&p(dir)).unwrap();
    }
    for (number, (what, act, script)) in (1..).zip(ACTIONS) {
        act(&world.root).unwrap();
        sim_watch.place_cookie(number).unwrap();
        sim_watch.deliver_all();
        workspace.sh(&format!("EXCHANGE=../home/exchange.py; {script}"));
        real_watch.place_cookie(number).unwrap();
        let mut heard = Vec::new();
        wait_until(Duration::from_secs(10), "the cookie", || {
            heard.extend(real.take());
            heard.last() == Some(&Signal::Cookie(number))
        });
        assert_eq!(
            normal(simulated.take()),
            normal(heard),
            "{what}: simulated against real"
        );
        assert_same(
            &Manifest::of(workspace.root()),
            &world.root.manifest(),
            what,
        );
    }
    assert_eq!(sim_watch.len(), real_watch.len());
}

/// Pairs are numbered from 1, and how often a write is repeated depends on when the queue was read.
fn normal(signals: Vec<Signal>) -> Vec<Signal> {
    let mut pairs = Vec::new();
    let mut number = |pair: u32| {
        let known = pairs.iter().position(|known| *known == pair);
        let index = known.unwrap_or_else(|| {
            pairs.push(pair);
            pairs.len() - 1
        });
        index as u32 + 1
    };
    let mut normal: Vec<Signal> = Vec::new();
    for signal in signals {
        let signal = match signal {
            Signal::Changed {
                path,
                kind: SignalKind::MovedFrom { pair, dir },
            } => Signal::Changed {
                path,
                kind: SignalKind::MovedFrom {
                    pair: number(pair),
                    dir,
                },
            },
            Signal::Changed {
                path,
                kind: SignalKind::MovedTo { pair, dir },
            } => Signal::Changed {
                path,
                kind: SignalKind::MovedTo {
                    pair: number(pair),
                    dir,
                },
            },
            other => other,
        };
        if normal.last() != Some(&signal) {
            normal.push(signal);
        }
    }
    normal
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
