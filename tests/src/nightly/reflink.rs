//! Scratch trees on a file system that can share blocks: the second tree takes no room for what the first has.
//!
//! Does: mount such file systems, have a search look at two states at once, ask the file system whose blocks are whose.
//! Does not: measure times.

use std::path::Path;
use std::process::Command;

use aft_testkit::{TestDaemon, Workspace};

use super::disk::{Disk, Kind};
use super::machine;

/// Bytes of the large file.
const LARGE: usize = 16 << 20;

/// Whether every extent of a file belongs to others too; what was said of it.
fn is_shared(path: &Path) -> (bool, String) {
    let said = Command::new("filefrag").arg("-v").arg(path).output();
    let said = String::from_utf8(said.expect("filefrag").stdout).expect("UTF-8");
    let extents: Vec<&str> = said.lines().filter(|line| line.contains("..")).collect();
    let all = extents.iter().all(|line| line.contains("shared"));
    (!extents.is_empty() && all, said)
}

fn trees_share_their_blocks(kind: Kind) {
    let Some(disk) = Disk::make(kind) else {
        return;
    };
    let mut daemon = TestDaemon::prepare();
    let home = disk.at().join("home");
    machine("mkdir", &["-m", "0700", home.to_str().unwrap()]).unwrap();
    daemon.set_env("AFT_HOME", home.to_str().unwrap());
    daemon.run();
    let project = Workspace::new();
    let ok = |arguments: &[&str]| daemon.aft_ok(project.root(), arguments);
    let large: Vec<u8> = (0..LARGE as u64 / 8)
        .flat_map(|at| at.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes())
        .collect();
    project.write("large", &large);
    project.write("state", "good\n");
    ok(&["watch", "--detach"]);
    let good = daemon.aft_json(project.root(), &["sync"])["head"].to_string();
    for number in 0..8 {
        let text = if number < 5 { "good" } else { "bad" };
        project.write("state", format!("{text} {number}\n"));
        ok(&["sync"]);
    }
    ok(&[
        "bisect",
        "-j",
        "2",
        "--good",
        &good,
        "--",
        "sh",
        "-c",
        "! grep -q bad state",
    ]);
    let id = daemon.aft_json(project.root(), &["status"])["workspace"].clone();
    let scratch = home
        .join("workspaces")
        .join(id.as_str().unwrap())
        .join("scratch");
    disk.sync();
    let (first, second) = (scratch.join("1/large"), scratch.join("2/large"));
    for tree in [&first, &second] {
        assert_eq!(std::fs::read(tree).unwrap(), large, "{}", tree.display());
        let (shared, said) = is_shared(tree);
        assert!(shared, "{kind:?}: {} is a copy:\n{said}", tree.display());
    }
    // What is written in one of them is in that one alone.
    let mut changed = large.clone();
    changed[..4].copy_from_slice(b"else");
    std::fs::write(&first, &changed).unwrap();
    assert_eq!(std::fs::read(&second).unwrap(), large);
    daemon.stop();
}

#[test]
fn on_xfs_a_second_tree_shares_the_blocks_of_the_first() {
    trees_share_their_blocks(Kind::Xfs);
}

#[test]
fn on_btrfs_a_second_tree_shares_the_blocks_of_the_first() {
    trees_share_their_blocks(Kind::Btrfs);
}
