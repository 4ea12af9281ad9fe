//! A published package, version after version over the watched tree, and then any of them again.
//! Only the manifest of the unpacked version judges.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::time::{Duration, Instant};

use aft_testkit::Manifest;
use aft_testkit::manifest::{Kind, assert_same};
use aft_testkit::sim::Rng;
use aft_testkit::workspace::wait_until;

use super::packages::versions;
use super::rig::Rig;
use super::{heavy, seed};

#[test]
fn any_version_of_a_published_package_comes_back_exactly() {
    let mut rng = Rng::new(seed("versions"));
    let versions = versions();
    let Some(first) = versions.first() else {
        return;
    };
    let rig = Rig::new();
    let looks: Vec<Manifest> = versions.iter().map(Manifest::of).collect();
    make_like(rig.root(), first, &looks[0], &mut rng);
    let start = Instant::now();
    rig.watch();
    println!(
        "{} files armed after {:?}",
        looks[0].entries.len(),
        start.elapsed()
    );
    for (at, (version, look)) in versions.iter().zip(&looks).enumerate() {
        make_like(rig.root(), version, look, &mut rng);
        assert_same(
            look,
            &rig.project.manifest(),
            "unpacking, which is the test's own",
        );
        rig.ok(&["checkpoint", &name(at)]);
        rig.assert_history_is(look, &name(at), "checkpoint");
    }
    for _ in 0..if heavy() { 30 } else { 12 } {
        let at = rng.index(versions.len());
        let start = Instant::now();
        let answer = rig.json(&["rollback", &name(at)]);
        let took = start.elapsed();
        assert_same(
            &looks[at],
            &rig.project.manifest(),
            &format!("rolled back to {}", versions[at].display()),
        );
        println!("to {}: {} paths in {took:?}", name(at), answer["n_changed"]);
    }
    rig.assert_recorded("at the end");
    for (at, look) in looks.iter().enumerate() {
        rig.assert_history_is(look, &name(at), "after all the jumps");
    }
    // Undoing every jump leads back to the last version that was unpacked.
    let jumps = rig
        .log()
        .iter()
        .filter(|operation| operation["kind"] == "rollback")
        .count();
    rig.ok(&["undo", "-n", &jumps.to_string()]);
    assert_same(
        looks.last().expect("a version"),
        &rig.project.manifest(),
        "every jump undone",
    );
}

/// Contents of the first scan are stored in a hurry and compressed again when nothing happens. What was stored
/// as a difference from them must still be readable then, without anything in a cache.
#[test]
fn every_version_comes_back_after_the_store_was_rewritten_in_the_background() {
    let mut rng = Rng::new(seed("rewritten store"));
    let versions = versions();
    if versions.len() < 2 {
        return;
    }
    let looks: Vec<Manifest> = versions.iter().map(Manifest::of).collect();
    let mut rig = Rig::new();
    // Every version in a directory of its own, so that the first scan is worth compressing again; then each
    // directory goes on to the next version.
    let place = |rig: &Rig, at: usize| rig.root().join(name(at));
    for (at, (version, look)) in versions.iter().zip(&looks).enumerate() {
        fs::create_dir(place(&rig, at)).expect("a directory");
        make_like(&place(&rig, at), version, look, &mut rng);
    }
    rig.watch();
    rig.ok(&["checkpoint", "start"]);
    let start = rig.look();
    for at in 0..versions.len() {
        let next = (at + 1) % versions.len();
        make_like(&place(&rig, at), &versions[next], &looks[next], &mut rng);
    }
    rig.assert_recorded("all moved on");
    let end = rig.look();
    wait_until(
        Duration::from_secs(60),
        "the first segment is rewritten",
        || first_segment(&rig) > 1,
    );
    rig.daemon.restart();
    rig.ok(&["rollback", "start"]);
    rig.assert_went(&start, &end, "rolled back over a rewritten store");
    rig.ok(&["undo"]);
    rig.assert_went(&end, &start, "and forth");
    let checked = rig.aft(&["check", "--read-data"]);
    assert_eq!(checked.status, 0, "{}{}", checked.stdout, checked.stderr);
}

/// The lowest number of the store's segments: the first scan's is 1, and a rewritten one has another.
fn first_segment(rig: &Rig) -> u32 {
    let entries = |dir: &Path| fs::read_dir(dir).expect("the store").flatten();
    let numbers = entries(&rig.daemon.store().join("workspaces"))
        .flat_map(|workspace| entries(&workspace.path()))
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let number = name.strip_prefix("seg-")?.strip_suffix(".aft")?;
            number.parse().ok()
        });
    numbers.min().expect("a segment")
}

fn name(at: usize) -> String {
    format!("v-{at}")
}

/// Makes `root` equal to `version` as edits: what is the same stays untouched, half of the rest is written in
/// place, half by a temporary file and a rename, and what the version lacks goes.
fn make_like(root: &Path, version: &Path, wanted: &Manifest, rng: &mut Rng) {
    let now = Manifest::of(root);
    for (path, entry) in now.entries.iter().rev() {
        let stays = wanted
            .get(path)
            .is_some_and(|wanted| same_kind(&wanted.kind, &entry.kind));
        if !stays {
            let path = root.join(std::ffi::OsStr::from_bytes(path));
            let gone = if entry.kind == Kind::Dir {
                fs::remove_dir(&path)
            } else {
                fs::remove_file(&path)
            };
            gone.expect("an old file goes");
        }
    }
    for (path, entry) in &wanted.entries {
        let relative = Path::new(std::ffi::OsStr::from_bytes(path));
        let (from, to) = (version.join(relative), root.join(relative));
        if now.get(path) == Some(entry) {
            continue;
        }
        match &entry.kind {
            Kind::Dir => fs::create_dir_all(&to).expect("a directory"),
            Kind::Symlink { target } => {
                drop(fs::remove_file(&to));
                symlink(std::ffi::OsStr::from_bytes(target), &to).expect("a link");
                continue;
            }
            Kind::File { .. } if rng.chance(500) => {
                fs::write(&to, fs::read(&from).expect("the version's file")).expect("a file");
            }
            Kind::File { .. } => {
                let beside = to.with_extension("part");
                fs::copy(&from, &beside).expect("a file beside");
                fs::rename(&beside, &to).expect("a file in place");
            }
            Kind::Other => panic!("a special file in a package"),
        }
        fs::set_permissions(&to, fs::Permissions::from_mode(entry.mode)).expect("its mode");
    }
}

fn same_kind(a: &Kind, b: &Kind) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}
