//! The same actions raise the same signals in the simulated workspace and in a real one.

use std::sync::Arc;
use std::time::Duration;

use aft_os::{InotifyWatch, RealRoot, Signal, SignalKind, Watch};

use super::super::*;
use crate::manifest::{Manifest, assert_same};
use crate::workspace::{Workspace, wait_until};

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
