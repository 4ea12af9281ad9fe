//! Patches of binary files: `git apply` restores them exactly, and what a patch does not hold is said.

use serde_json::Value;

use super::damage::noise;
use super::patches::{apply, copy, printed};
use super::rig::Rig;

/// Deterministic bytes with NULs in them, of any length and some structure.
fn binary(seed: usize, len: usize) -> Vec<u8> {
    let mut bytes = noise(len + seed);
    bytes.drain(..seed);
    for (at, byte) in bytes.iter_mut().enumerate() {
        if at.is_multiple_of(7) || (at / 64 + seed).is_multiple_of(3) {
            *byte = 0;
        }
    }
    bytes
}

#[test]
fn git_restores_binary_files_from_a_patch_in_both_directions() {
    let rig = Rig::watching("//- /text\none\n");
    for (n, len) in [1_usize, 3, 4, 51, 52, 53, 260, 4096, 70_000]
        .into_iter()
        .enumerate()
    {
        rig.project.write(format!("same{n}"), binary(n, len));
        rig.project.write(format!("gone{n}"), binary(n + 20, len));
    }
    rig.project.write("becomes-link", binary(3, 99));
    let before_head = rig.head().to_string();
    let before = copy(rig.root());
    for (n, len) in [4_usize, 0, 70_001, 52, 51, 1, 104, 9000, 69_000]
        .into_iter()
        .enumerate()
    {
        rig.project.write(format!("same{n}"), binary(n + 40, len));
        rig.project.remove(format!("gone{n}"));
        rig.project
            .write(format!("new dir/new{n}"), binary(n + 60, len + 1));
    }
    rig.project.chmod("same3", 0o755);
    rig.project.remove("becomes-link");
    rig.project.symlink("becomes-link", "text");
    rig.project.write("text", "two\n");
    let head = rig.head().to_string();
    let after = copy(rig.root());
    let patch = printed(&rig, &["diff", &before_head, &head]);
    let wanted = super::patches::files_only(&after.manifest());
    let start = super::patches::files_only(&before.manifest());
    let forth = apply(&before, &patch, &[]);
    aft_testkit::manifest::assert_same(&wanted, &forth, "forwards");
    let back = apply(&after, &patch, &["-R"]);
    aft_testkit::manifest::assert_same(&start, &back, "backwards");
    let output = rig.aft(&["diff", &before_head, &head]);
    assert!(output.stderr.is_empty(), "{}", output.stderr);
}

#[test]
fn a_patch_that_lacks_a_content_says_so() {
    let rig = Rig::new();
    rig.project.write("text", "one\n");
    rig.project
        .write(".afterimage.toml", "[track]\nfile_max = \"64 MiB\"\n");
    rig.ok(&["watch", "--detach"]);
    let head = rig.head().to_string();
    rig.project.write("text", "two\n");
    rig.project.write("huge", vec![0_u8; 40 << 20]);
    rig.head();
    let output = rig.aft(&["diff", &head, "@"]);
    assert_eq!(output.status, 0, "{}", output.stderr);
    assert!(
        output.stderr.contains("not complete") && output.stderr.contains("huge"),
        "{}",
        output.stderr
    );
    assert!(!output.stderr.contains("text"), "{}", output.stderr);
    let shown = rig.aft(&["show", "@"]);
    assert!(
        shown.stderr.contains("not complete") || !shown.stdout.contains("huge"),
        "{}",
        shown.stderr
    );
    let files: Value = rig.json(&["diff", &head, "@"]);
    let huge = files["files"]
        .as_array()
        .expect("files")
        .iter()
        .find(|file| file["path"] == "huge");
    assert_eq!(huge.expect("huge")["incomplete"], true, "{files}");
}

/// An answer has room for so much; what does not fit is asked for by path, and not lost.
#[test]
fn a_patch_longer_than_one_answer_is_whole() {
    let rig = Rig::watching("//- /text\none\n");
    let head = rig.head().to_string();
    for n in 0..4 {
        rig.project.write(format!("b{n}"), noise((6 << 20) + n));
    }
    let now = rig.head().to_string();
    let start = copy(rig.root());
    let before = aft_testkit::Workspace::new();
    before.write("text", "one\n");
    let patch = printed(&rig, &["diff", &head, &now]);
    let forth = apply(&before, &patch, &[]);
    aft_testkit::manifest::assert_same(
        &super::patches::files_only(&start.manifest()),
        &forth,
        "a long patch",
    );
}
