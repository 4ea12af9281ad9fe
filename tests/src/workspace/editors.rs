//! How editors and tools save: the content is exact at every fence, a save is at most one version, and the names a
//! save passes through are no versions.
//!
//! Does: save each way several times, with a fence after each, and read the versions that the history then has.
//! Does not: take the saves back; `e2e_real` does that for tools and git.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write as _;

use aft_testkit::TestDaemon;

use crate::e2e_real::rig::{Rig, has};
use crate::wire::wire_bytes;

use super::history;

const SAVES: u32 = 6;
const FILE: &str = "notes/one.txt";

/// A way to save `$FILE` with new content in `$TEXT`; the program it needs.
const WAYS: &[(&str, &str, &str)] = &[
    ("in-place", "sh", "printf %s \"$TEXT\" > $FILE"),
    (
        "safe-write",
        "sh",
        "d=$(dirname $FILE); printf %s \"$TEXT\" > ${FILE}___jb_tmp___; mv $FILE ${FILE}___jb_old___; mv ${FILE}___jb_tmp___ $FILE; rm ${FILE}___jb_old___",
    ),
    (
        "temporary-and-rename",
        "sh",
        "t=$(mktemp $(dirname $FILE)/.one.XXXXXX); printf %s \"$TEXT\" > $t; chmod 644 $t; mv $t $FILE",
    ),
    (
        "backup-and-new",
        "sh",
        "mv $FILE $FILE~; printf %s \"$TEXT\" > $FILE; rm $FILE~",
    ),
    ("sed", "sed", "sed -i \"s/.*/$TEXT/\" $FILE"),
    ("perl", "perl", "perl -pi -e \"s/.*/$TEXT/\" $FILE"),
    ("append", "sh", "printf '%s\\n' \"$TEXT\" >> $FILE"),
    (
        "reflink",
        "cp",
        "printf %s \"$TEXT\" > ../next; cp --reflink=auto ../next $FILE",
    ),
    (
        "vim-copy",
        "vim",
        "vim -es -u NONE -i NONE -c 'set backupcopy=yes' -c \"%s/.*/$TEXT/\" -c wq $FILE",
    ),
    (
        "vim-rename",
        "vim",
        "vim -es -u NONE -i NONE -c 'set backupcopy=no' -c \"%s/.*/$TEXT/\" -c wq $FILE",
    ),
    (
        "vim-auto",
        "vim",
        "vim -es -u NONE -i NONE -c 'set backupcopy=auto' -c \"%s/.*/$TEXT/\" -c wq $FILE",
    ),
    (
        "emacs",
        "emacs",
        "emacs -Q --batch $FILE --eval \"(progn (erase-buffer) (insert \\\"$TEXT\\n\\\") (save-buffer))\"",
    ),
    (
        "mapped",
        "python3",
        "python3 -c \"import mmap,os,sys; f=open('$FILE','r+b'); n=len('$TEXT'); f.truncate(n); m=mmap.mmap(f.fileno(),n); m[:]=b'$TEXT'; m.flush(); m.close(); f.close()\"",
    ),
    (
        "rsync",
        "rsync",
        "printf %s \"$TEXT\" > ../next; rsync -I ../next $FILE",
    ),
];

/// Versions of the file by the history, oldest first, as operation numbers.
fn versions(rig: &Rig) -> Vec<u64> {
    let answer = rig.json(&["history", FILE]);
    let versions = answer["versions"].as_array().expect("versions");
    versions
        .iter()
        .map(|version| version["operation"].as_u64().expect("a number"))
        .collect()
}

/// Every path that any operation after `head` names.
fn paths_since(rig: &Rig, head: u64) -> BTreeSet<String> {
    let told = history::since(rig, head);
    let changes = told.values().flat_map(|told| &told.changes);
    changes
        .map(|change| String::from_utf8_lossy(&wire_bytes(&change["path"])).into_owned())
        .collect()
}

#[track_caller]
fn assert_at_the_fence(rig: &Rig, what: &str) {
    rig.ok(&["sync"]);
    let held = rig.ok(&["cat", FILE, "--at", "@"]);
    assert_eq!(held, rig.project.text(FILE), "{what}");
}

#[test]
fn a_save_is_one_version_whatever_way_it_is_written() {
    let mut daemon = TestDaemon::prepare();
    // Long enough for a shell to go through its steps on a busy machine; a fence ends it at once.
    daemon.write_config("[track]\nsettle = \"1s\"\n");
    daemon.run();
    let rig = Rig::of(daemon);
    rig.project.write(FILE, "text zero\n");
    rig.project.write("notes/other", "stays\n");
    rig.watch();
    for (way, program, script) in WAYS {
        if !has(&rig.project, program) {
            continue;
        }
        rig.project.write(FILE, format!("before {way}\n"));
        let head = rig.head();
        let held = versions(&rig).len();
        for save in 1..=SAVES {
            let text = format!("{way} number {save}");
            rig.project
                .sh(&format!("FILE={FILE}; TEXT='{text}'; {script}"));
            assert!(rig.project.text(FILE).contains(&text), "{way} did not save");
            assert_at_the_fence(&rig, &format!("{way}, save {save}"));
        }
        let kept = versions(&rig).len() - held;
        assert_eq!(kept, SAVES as usize, "{way}: versions of {SAVES} saves");
        let named = paths_since(&rig, head);
        let only: BTreeSet<String> = [FILE.to_owned()].into();
        assert_eq!(named, only, "{way}: names a save passed through");
    }
    rig.assert_recorded("all ways");
}

/// A save that empties the file, takes its time and only then writes: what is there at a fence is in the history, and
/// what was there for no time is not.
#[test]
fn a_file_that_is_emptied_and_written_later_is_exact_at_each_fence() {
    let rig = Rig::new();
    rig.project.write(FILE, "text zero\n");
    rig.watch();
    for save in 0..SAVES {
        let mut file = File::create(rig.project.path(FILE)).expect("the file, emptied");
        if save % 2 == 0 {
            assert_at_the_fence(&rig, "emptied, held open");
        }
        write!(file, "first half {save}, ").expect("a write");
        if save % 3 == 0 {
            assert_at_the_fence(&rig, "half written, held open");
        }
        writeln!(file, "second half {save}").expect("a write");
        drop(file);
        assert_at_the_fence(&rig, "closed");
    }
    rig.assert_recorded("emptied and written");
}

/// A log that is held open and grows: every fence has every whole line so far.
#[test]
fn a_log_that_is_never_closed_is_exact_at_every_fence() {
    let rig = Rig::new();
    rig.project.write(FILE, "");
    rig.watch();
    let mut log = File::options()
        .append(true)
        .open(rig.project.path(FILE))
        .expect("the log");
    for line in 0..40 {
        writeln!(log, "line {line}").expect("a write");
        assert_at_the_fence(&rig, &format!("line {line}"));
    }
    drop(log);
    rig.assert_recorded("closed at last");
}
