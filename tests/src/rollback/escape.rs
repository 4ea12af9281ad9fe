//! A directory of the project is flipped with a link that leads outside, as fast as the system can, while files
//! beneath it are captured and put back.
//!
//! What must hold: nothing outside is written, removed or touched, and none of its bytes come into the store.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use aft_testkit::Manifest;
use aft_testkit::manifest::{Options, assert_same};
use aft_testkit::sim::Rng;
use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};

use aft_testkit::StopAtEnd;

use super::rig::Rig;
use super::{option, seed};

/// How many files the flipped directory has; the place outside has the same names.
const FILES: usize = 12;
/// How much of a file is looked for in the store.
const PROBE_LEN: usize = 64;

#[test]
fn a_flipped_directory_leads_nowhere() {
    let mut rng = Rng::new(seed("escape"));
    let rig = Rig::new();
    let outside = rig.project.outside().join("canary");
    let probes = plant(&outside, &mut rng);
    let known = rng.bytes(4_000);
    rig.project.write("known", &known);
    let real = rig.root().join("d");
    for n in 0..FILES {
        rig.project.write(format!("d/sub/f{n}"), rng.bytes(700));
    }
    rig.project
        .symlink("flip", outside.to_str().expect("UTF-8"));
    rig.watch();
    rig.ok(&["checkpoint", "base"]);
    let canary = look(&outside);
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::open(rig.root(), flags, Mode::empty()).expect("opened");
    let inside = rustix::fs::open(real.join("sub"), flags, Mode::empty()).expect("opened");
    let (stop, flips) = (AtomicBool::new(false), AtomicU64::new(0));
    let start = Instant::now();
    let n_rollbacks = option("AFT_ESCAPE_ROLLBACKS", 10);
    let mut n_went = 0;
    thread::scope(|scope| {
        let stopping = StopAtEnd(&stop);
        scope.spawn(|| flip(&root, &stop, &flips));
        let mut control = rig.daemon.control();
        for _ in 0..n_rollbacks {
            disturb(&inside, &mut rng);
            let policy = ["keep", "force", "force"][rng.index(3)];
            let answer = control.call("rollback.apply", &rig.to("base", policy));
            n_went += usize::from(answer.is_ok());
        }
        drop(stopping);
    });
    let took = start.elapsed();
    let flips = flips.load(Ordering::Relaxed);
    println!(
        "{flips} flips against {n_rollbacks} rollbacks, of which {n_went} went through, in {took:.1?}"
    );
    assert!(n_went > 0, "no rollback went through");
    rig.wait_settled();
    rig.ok(&["sync", "--strict"]);
    assert_same(&canary, &look(&outside), "the place outside");
    let store = read_all(&rig.daemon.store());
    assert!(
        holds(&store, &known[1_000..1_000 + PROBE_LEN]),
        "the search finds nothing; the test is wrong"
    );
    for probe in &probes {
        assert!(!holds(&store, probe), "bytes from outside are in the store");
    }
}

/// A directory outside with the same names; what to look for of each file, which no compression changes.
fn plant(outside: &Path, rng: &mut Rng) -> Vec<Vec<u8>> {
    fs::create_dir_all(outside.join("sub")).expect("made");
    let names = (0..FILES)
        .map(|n| format!("sub/f{n}"))
        .chain(["secret".to_owned()]);
    let planted = names.map(|name| {
        let bytes = rng.bytes(4_000);
        fs::write(outside.join(name), &bytes).expect("written");
        bytes[1_000..1_000 + PROBE_LEN].to_vec()
    });
    planted.collect()
}

fn look(outside: &Path) -> Manifest {
    let options = Options {
        mtime: true,
        ..Options::default()
    };
    Manifest::with(outside, options)
}

/// Exchanges the directory and the link, and ends with the directory where it was. Now and then it does not, and
/// what is put back then meets a link.
fn flip(root: &OwnedFd, stop: &AtomicBool, flips: &AtomicU64) {
    let mut n = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        // A rollback moves both names; then there is nothing to exchange for a moment.
        rustix::fs::renameat_with(root, "d", root, "flip", RenameFlags::EXCHANGE)
            .unwrap_or_default();
        n += 1;
        if n.is_multiple_of(5_000) {
            thread::yield_now();
        }
    }
    flips.store(n, Ordering::Relaxed);
}

/// Changes, makes and removes files of the real directory, wherever it is just now.
fn disturb(inside: &OwnedFd, rng: &mut Rng) {
    for n in 0..FILES {
        let name = format!("f{n}");
        if n % 3 == 2 {
            rustix::fs::unlinkat(inside, name.as_str(), AtFlags::empty()).unwrap_or_default();
            continue;
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW;
        // A rollback may have put another directory in its place, and this one is gone then.
        if let Ok(file) =
            rustix::fs::openat(inside, name.as_str(), flags, Mode::from_raw_mode(0o644))
        {
            rustix::io::write(&file, &rng.bytes(900)).expect("written");
        }
    }
}

fn read_all(dir: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(dir)
        .expect("listed")
        .map(|entry| entry.expect("an entry"))
    {
        let kind = entry.file_type().expect("a kind");
        if kind.is_dir() {
            bytes.extend(read_all(&entry.path()));
        } else if kind.is_file() {
            bytes.extend(fs::read(entry.path()).unwrap_or_default());
        }
    }
    bytes
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}
