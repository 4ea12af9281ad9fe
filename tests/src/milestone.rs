//! Milestones through the real daemon: made, verified, carried to another machine's store, put back, committed to git.
//!
//! Does: judge by manifests of directories, by git itself, and by bytes of files.
//! Does not: look into the product.
#![expect(
    clippy::disallowed_methods,
    reason = "plays the people and machines that damage files and kill daemons"
)]

mod carried;
mod git;
mod killed;
mod made;
mod settled;
mod verified;

use std::path::Path;
use std::time::Duration;

use aft_testkit::workspace::wait_until;
use aft_testkit::{TestDaemon, Workspace};
use serde_json::Value;

use crate::e2e_real::rig::Rig;

const PATIENCE: Duration = Duration::from_secs(60);

/// A project with everything that a tree may hold: real sources, links, modes, odd names, a large file, no secret.
#[track_caller]
fn project(rig: &Rig) {
    let project = &rig.project;
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let sources = sources.to_str().expect("UTF-8");
    project.run("cp", &["-r", sources, "docs"]);
    project.write("text", "one two\nthree\n");
    project.write("script", "#!/bin/sh\n");
    project.chmod("script", 0o755);
    project.write(b"odd \"name\"\n\xff \\", "odd\n");
    project.write("empty", "");
    project.mkdir("nothing/in/it");
    project.symlink("link", "docs/GUIDE.md");
    project.symlink("dangling", "../nowhere");
    project.write("large", noise(5 << 20));
}

/// Bytes that do not compress.
fn noise(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new()
        .update(b"noise")
        .finalize_xof()
        .fill(&mut bytes);
    bytes
}

/// Waits until a milestone is no longer being made, and gives it.
#[track_caller]
fn settled(rig: &Rig, name: &str) -> Value {
    let mut shown = Value::Null;
    wait_until(PATIENCE, "a milestone is made", || {
        shown = rig.json(&["milestone", "show", name]);
        shown["status"] != "generating"
    });
    shown
}

/// Another machine: a daemon with a store of its own, and a directory to put things in.
fn elsewhere() -> (TestDaemon, Workspace) {
    let place = Workspace::beneath(&crate::e2e_real::fast_dir());
    (TestDaemon::start(), place)
}
