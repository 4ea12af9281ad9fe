//! Saves that land while the same files are put back: every one is on disk or in the history afterwards.
//!
//! Four kinds of programs save as fast as they like, rollbacks of every policy go over their files, and then every
//! token whose write returned is looked for. A last test kills the daemon while a program still holds a file that a
//! rollback displaced.

use std::collections::{BTreeMap, HashSet};
use std::io::Write;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Instant;

use aft_testkit::daemon::{Connection, Socket};
use aft_testkit::sim::Rng;

use super::rig::Rig;
use super::versions::contents;
use super::writers::{HEADER, How, MAPPED_LEN, TOKEN_LEN, Token, Writer};
use super::{option, seed};

/// Files that are put back beside those that race, so that an apply takes a while.
const FILLERS: usize = 48;
const WRITERS: [How; 8] = [
    How::InPlace,
    How::AtomicSave,
    How::HeldAppend,
    How::Mapped,
    How::InPlace,
    How::AtomicSave,
    How::HeldAppend,
    How::Mapped,
];

#[test]
fn no_save_that_returned_is_lost_to_a_rollback() {
    let mut rng = Rng::new(seed("late edits"));
    let rig = Rig::new();
    let writers = writers(&rig);
    fill(&rig, &mut rng);
    rig.watch();
    rig.ok(&["checkpoint", "base"]);
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    let mut written: Vec<Vec<Token>> = Vec::new();
    let start = Instant::now();
    thread::scope(|scope| {
        let running: Vec<_> = writers
            .iter()
            .map(|writer| {
                let (stop, stopped) = channel();
                let rng = rng.fork();
                (stop, scope.spawn(move || writer.run(&stopped, rng)))
            })
            .collect();
        let mut control = rig.daemon.control();
        for _ in 0..option("AFT_LATE_ROLLBACKS", 30) {
            fill(&rig, &mut rng);
            *outcomes
                .entry(go_back(&rig, &mut control, &mut rng))
                .or_default() += 1;
        }
        for (stop, writer) in running {
            drop(stop);
            written.push(writer.join().expect("a writer ends"));
        }
    });
    let took = start.elapsed();
    // What is still held is let go of now, and is captured before it goes.
    rig.wait_settled();
    rig.ok(&["sync", "--strict"]);
    let n_written: usize = written.iter().map(Vec::len).sum();
    println!("{n_written} saves and {outcomes:?} in {took:.1?}");
    assert!(n_written > 500, "too few saves to judge by");
    let displaced: usize = outcomes
        .iter()
        .filter(|(name, _)| name.contains("force"))
        .map(|(_, n)| n)
        .sum();
    assert!(displaced > 0, "no rollback went through: {outcomes:?}");
    let mut editor = rig.daemon.connect(Socket::Editor);
    for (writer, tokens) in writers.iter().zip(&written) {
        assert_all_kept(&rig, &mut editor, writer, tokens);
    }
}

/// The programs, and the files they save, as they are before.
fn writers(rig: &Rig) -> Vec<Writer> {
    let writers = WRITERS.iter().enumerate().map(|(number, how)| {
        let path = name(number);
        let mut bytes = HEADER.to_vec();
        if *how == How::Mapped {
            bytes.resize(MAPPED_LEN, b'.');
        }
        rig.project.write(&path, bytes);
        Writer {
            how: *how,
            path: rig.root().join(path),
            number,
        }
    });
    writers.collect()
}

/// In the middle of the fillers, in the order of an apply.
fn name(number: usize) -> String {
    format!("d/f{}-saved", 3 * number)
}

fn fill(rig: &Rig, rng: &mut Rng) {
    for n in 0..FILLERS {
        rig.project.write(format!("d/f{n}"), rng.bytes(600));
    }
}

/// One rollback of everything; in a word what came of it.
fn go_back(rig: &Rig, control: &mut Connection, rng: &mut Rng) -> String {
    let policy = ["refuse", "keep", "force", "force"][rng.index(4)];
    let word = match control.call("rollback.apply", &rig.to("base", policy)) {
        Ok(answer)
            if answer["kept"]
                .as_array()
                .is_some_and(|kept| !kept.is_empty()) =>
        {
            "kept some"
        }
        Ok(_) => "went",
        Err(error) => {
            let kind = error["data"]["kind"].as_str().unwrap_or_default();
            assert!(
                ["edit_conflict", "version_conflict"].contains(&kind),
                "a rollback may be refused, not fail: {error}"
            );
            "refused"
        }
    };
    format!("{policy} {word}")
}

/// Every token is in the file, or in a version of it.
#[track_caller]
fn assert_all_kept(rig: &Rig, editor: &mut Connection, writer: &Writer, tokens: &[Token]) {
    let on_disk = std::fs::read(&writer.path).expect("the file is there");
    let versions = contents(editor, rig.name(), &name(writer.number));
    let n_versions = versions.len();
    let kept: HashSet<Vec<u8>> = versions
        .iter()
        .chain([&on_disk])
        .flat_map(|bytes| bytes.chunks(TOKEN_LEN).map(<[u8]>::to_vec))
        .collect();
    let lost: Vec<_> = tokens
        .iter()
        .filter(|token| !kept.contains(&token[..]))
        .collect();
    let text: Vec<_> = lost
        .iter()
        .map(|token| String::from_utf8_lossy(&token[..]))
        .collect();
    assert!(
        lost.is_empty(),
        "{writer:?}: {} of {} saves are neither on disk nor in {n_versions} versions: {:?}",
        lost.len(),
        tokens.len(),
        &text[..text.len().min(20)]
    );
}

#[test]
fn a_displaced_file_that_is_held_over_a_crash_is_captured_when_it_is_let_go() {
    // As it was planned at the crash, and as it was not: each has its own way to be known afterwards.
    for early in ["", "written before the crash\n"] {
        held_over_a_crash(early);
    }
}

fn held_over_a_crash(early: &str) {
    let mut rig = Rig::new();
    rig.project.write("held", "before\n");
    rig.watch();
    rig.ok(&["checkpoint", "base"]);
    rig.project.write("held", "after\n");
    rig.ok(&["sync"]);
    let path = rig.root().join("held");
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(&path)
        .expect("opened");
    rig.ok(&["rollback", "base"]);
    assert_eq!(rig.project.text("held"), "before\n");
    file.write_all(early.as_bytes()).expect("written");
    rig.daemon.kill();
    rig.daemon.run();
    rig.ok(&["sync"]);
    file.write_all(b"written after the crash\n")
        .expect("written");
    drop(file);
    rig.wait_settled();
    rig.ok(&["sync"]);
    let mut editor = rig.daemon.connect(Socket::Editor);
    let versions = contents(&mut editor, rig.name(), "held");
    let whole = format!("after\n{early}written after the crash\n");
    let texts: Vec<_> = versions
        .iter()
        .map(|bytes| String::from_utf8_lossy(bytes))
        .collect();
    assert!(
        versions.iter().any(|bytes| bytes == whole.as_bytes()),
        "only {texts:?}"
    );
    assert_eq!(rig.project.text("held"), "before\n");
}
