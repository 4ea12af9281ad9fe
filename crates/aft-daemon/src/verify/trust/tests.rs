//! What runs is what was approved: every byte of the file counts, and so does each file that a command calls.
#![expect(
    clippy::disallowed_methods,
    reason = "plays whoever moves a workspace, who knows nothing of our handles"
)]

use std::fs;

use super::*;

const FILE: &str = "[[verify]]\nname = \"t\"\nrun = [\"sh\", \"tools/t.sh\", \"--x=data\"]\n";

struct Rig {
    dir: tempfile::TempDir,
    trust: Trust,
}

impl Rig {
    fn new(file: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["root/tools", "store", "scratch"] {
            fs::DirBuilder::new()
                .recursive(true)
                .create(dir.path().join(name))
                .unwrap();
        }
        aft_os::home::ensure_private_dir(&dir.path().join("private")).unwrap();
        let trust = Trust::of(&dir.path().join("store"));
        let rig = Self { dir, trust };
        rig.write(".afterimage.toml", file.as_bytes());
        rig.write("tools/t.sh", b"#!/bin/sh\ntrue\n");
        rig.write("data", b"#!x");
        rig
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("root")
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let mut file = fs::File::create(self.root().join(name)).unwrap();
        std::io::Write::write_all(&mut file, bytes).unwrap();
    }

    fn configured(&self) -> Configured {
        Configured::read(&self.dir.path().join("none.toml"), &self.root()).unwrap()
    }

    fn approve(&self) {
        let seen = self.trust.look(&self.root(), &self.configured()).unwrap();
        self.trust.approve(&seen, "now".to_owned()).unwrap();
    }

    fn approved(&self) -> Result<Approved, Untrusted> {
        let configured = self.configured();
        let check = configured.all()[0].clone();
        self.trust.check(&self.root(), &configured, &check)
    }

    fn ready(&self) -> Result<Ready, Untrusted> {
        self.approved()?.in_scratch(&self.root())
    }
}

#[test]
fn every_byte_of_the_file_counts() {
    let rig = Rig::new(FILE);
    assert!(matches!(rig.ready(), Err(Untrusted::File { .. })));
    rig.approve();
    assert_eq!(rig.ready().unwrap().argv[1], "tools/t.sh");
    for at in 0..FILE.len() {
        let mut changed = FILE.as_bytes().to_vec();
        changed[at] = if changed[at] == b'_' { b'-' } else { b'_' };
        rig.write(".afterimage.toml", &changed);
        // What does not read any more cannot run either.
        let Ok(configured) = Configured::read(&rig.dir.path().join("none.toml"), &rig.root())
        else {
            continue;
        };
        for check in configured.all() {
            let answer = rig.trust.check(&rig.root(), &configured, check);
            assert!(matches!(answer, Err(Untrusted::File { .. })), "byte {at}");
        }
    }
    for changed in [
        format!("{FILE}\n"),
        format!("{FILE}#"),
        FILE.replace("t.sh", "T.sh"),
    ] {
        rig.write(".afterimage.toml", changed.as_bytes());
        assert!(matches!(rig.ready(), Err(Untrusted::File { .. })));
    }
    rig.write(".afterimage.toml", FILE.as_bytes());
    rig.ready().unwrap();
}

#[test]
fn every_file_that_is_called_counts_and_what_was_approved_once_stays_so() {
    let rig = Rig::new(FILE);
    rig.approve();
    for (name, was) in [("tools/t.sh", &b"#!/bin/sh\ntrue\n"[..]), ("data", b"#!x")] {
        rig.write(name, b"#!/bin/sh\nfals\n");
        match rig.ready() {
            Err(Untrusted::Script { script, .. }) => assert!(script.ends_with(name)),
            other => panic!("{name}: {other:?}"),
        }
        rig.write(name, was);
        rig.ready().unwrap();
    }
    rig.write("tools/t.sh", b"new");
    rig.approve();
    rig.ready().unwrap();
    rig.write("tools/t.sh", b"#!/bin/sh\ntrue\n");
    rig.ready().unwrap();
}

#[test]
fn in_the_workspace_what_was_looked_at_runs_though_it_is_exchanged_then() {
    let rig = Rig::new(FILE);
    rig.approve();
    let private = rig.dir.path().join("private");
    let ready = rig.approved().unwrap().in_workspace(&private).unwrap();
    rig.write("tools/t.sh", b"evil");
    rig.write("data", b"evil");
    let path = PathBuf::from(&ready.argv[1]);
    assert_eq!(fs::read(&path).unwrap(), b"#!/bin/sh\ntrue\n");
    assert!(
        path.starts_with(&private) && path.ends_with("t.sh"),
        "{}",
        path.display()
    );
    let value = ready.argv[2]
        .to_str()
        .unwrap()
        .strip_prefix("--x=")
        .unwrap()
        .to_owned();
    assert_eq!(fs::read(value).unwrap(), b"#!x");
    drop(ready);
    assert_eq!(fs::read_dir(&private).unwrap().count(), 0);
}

#[test]
fn a_shell_s_line_is_looked_at_and_does_not_run_files_in_the_workspace_itself() {
    let line = "[[verify]]\nname = \"t\"\nrun = \"cd . && sh \\\"$PWD/tools/t.sh\\\";cat<data\"\n";
    let rig = Rig::new(line);
    let seen = rig.trust.look(&rig.root(), &rig.configured()).unwrap();
    let scripts = seen.checks[0].scripts.as_ref().unwrap();
    let paths: Vec<&[u8]> = scripts
        .iter()
        .map(|(script, _)| script.path.as_slice())
        .collect();
    assert_eq!(paths, [&b"tools/t.sh"[..], b"data"]);
    rig.approve();
    rig.ready().unwrap();
    let private = rig.dir.path().join("private");
    let refused = rig.approved().unwrap().in_workspace(&private).unwrap_err();
    assert!(matches!(refused, Untrusted::Word { .. }), "{refused}");
}

#[test]
fn what_is_only_data_is_not_asked_for() {
    for (run, is_asked) in [
        ("\"! grep -q broken plain\"", false),
        ("[\"grep\", \"x\", \"plain\"]", false),
        ("[\"python3\", \"-m\", \"pytest\", \"plain\"]", false),
        ("[\"node\", \"--test\", \"plain\"]", false),
        (
            "[\"/usr/bin/python3.11\", \"-W\", \"error\", \"plain\"]",
            true,
        ),
        ("\". ./plain; true\"", true),
        ("[\"./plain\"]", true),
    ] {
        let rig = Rig::new(&format!("[[verify]]\nname = \"t\"\nrun = {run}\n"));
        rig.write("plain", b"text");
        rig.approve();
        rig.ready().unwrap();
        rig.write("plain", b"other");
        let refused = matches!(rig.ready(), Err(Untrusted::Script { .. }));
        assert_eq!(refused, is_asked, "{run}");
    }
}

#[test]
fn an_interpreter_of_the_workspace_is_called_as_well() {
    let rig = Rig::new("[[verify]]\nname = \"t\"\nrun = [\"./run\"]\n");
    rig.write("run", b"#!tools/t.sh\n");
    rig.approve();
    rig.ready().unwrap();
    rig.write("tools/t.sh", b"evil");
    assert!(matches!(rig.ready(), Err(Untrusted::Script { .. })));
}

#[test]
fn words_that_lead_out_or_name_the_workspace_itself_are_refused() {
    let rig = Rig::new("[[verify]]\nname = \"t\"\nrun = [\"./link\"]\n");
    std::os::unix::fs::symlink("/bin/sh", rig.root().join("link")).unwrap();
    rig.approve();
    assert!(matches!(rig.ready(), Err(Untrusted::Word { .. })));
    let own = rig.root().join("tools/t.sh");
    let file = format!("[[verify]]\nname = \"t\"\nrun = [\"{}\"]\n", own.display());
    rig.write(".afterimage.toml", file.as_bytes());
    rig.approve();
    assert!(matches!(rig.ready(), Err(Untrusted::Word { .. })));
    // A neighbour whose name begins with the root's is not in it.
    let beside = format!("{}-beside/t.sh", rig.root().display());
    let file = format!("[[verify]]\nname = \"t\"\nrun = [\"sh\", \"{beside}\"]\n");
    rig.write(".afterimage.toml", file.as_bytes());
    rig.approve();
    rig.ready().unwrap();
}

#[test]
fn another_directory_and_a_damaged_file_of_approvals_ask_again() {
    let rig = Rig::new(FILE);
    rig.approve();
    let moved = rig.dir.path().join("root-moved");
    fs::rename(rig.root(), &moved).unwrap_or_else(|error| panic!("{error}"));
    let configured = Configured::read(&rig.dir.path().join("none.toml"), &moved).unwrap();
    let check = configured.all()[0].clone();
    let answer = rig.trust.check(&moved, &configured, &check);
    assert!(
        matches!(answer, Err(Untrusted::File { .. })),
        "another path"
    );
    fs::rename(&moved, rig.root()).unwrap();
    rig.ready().unwrap();
    let kept = rig.dir.path().join("store").join(kept::FILE);
    fs::File::create(&kept).unwrap();
    assert!(
        matches!(rig.ready(), Err(Untrusted::File { .. })),
        "damaged"
    );
    rig.approve();
    rig.ready().unwrap();
}

#[test]
fn a_name_that_is_no_text_is_kept_with_its_bytes() {
    for path in [&b"plain"[..], b"\xff\xfe", b"\0"] {
        let text = kept::text_of(path);
        assert_eq!(kept::bytes_of(&text), path.to_vec(), "{text:?}");
    }
}
