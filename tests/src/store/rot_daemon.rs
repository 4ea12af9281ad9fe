//! Bit rot under a daemon: what it serves is right or an error, and a rollback that needs what rotted leaves the
//! workspace as it was, or says what it did not do.

use std::collections::BTreeMap;
use std::path::PathBuf;

use aft_testkit::manifest::assert_same;
use aft_testkit::sim::Rng;
use aft_testkit::{Manifest, TestDaemon, Workspace};

use super::rot_damage::{Damage, Harm, Place, classes, damage};
use super::rot_template::files_of;
use crate::e2e_real::{heavy, seed};

const CASES: usize = 8;
const CASES_HEAVY: usize = 300;
const FILES: u64 = 8;

struct Rig {
    daemon: TestDaemon,
    project: Workspace,
    /// The workspace's directory in the store, and its files when the history was made.
    store: PathBuf,
    sound: Vec<(String, Vec<u8>)>,
    /// The files at the checkpoint, and the trees there and now.
    middle: BTreeMap<String, Vec<u8>>,
    at_middle: Manifest,
    now: BTreeMap<String, Vec<u8>>,
}

fn name(n: u64) -> String {
    format!("d{}/f{n}", n % 2)
}

impl Rig {
    fn new(rng: &mut Rng) -> Self {
        let mut daemon = TestDaemon::start();
        let project = Workspace::new();
        let mut now = BTreeMap::new();
        let mut edit = |round: u64, now: &mut BTreeMap<String, Vec<u8>>| {
            for n in (0..FILES).filter(|n| round == 0 || n % 3 == round % 3) {
                let bytes = match n % 2 {
                    0 => rng.bytes(2000),
                    _ => format!("round {round}\n{}", "the same line\n".repeat(150)).into_bytes(),
                };
                project.write(name(n), &bytes);
                now.insert(name(n), bytes);
            }
            daemon.aft_in(project.root(), &["sync", "--durable"])
        };
        for round in 0..4 {
            if round == 0 {
                project.write("first", "1\n");
                drop(daemon.aft_in(project.root(), &["watch", "--detach"]).ok());
            }
            drop(edit(round, &mut now).ok());
        }
        let middle = now.clone();
        let at_middle = project.manifest();
        drop(
            daemon
                .aft_in(project.root(), &["checkpoint", "middle"])
                .ok(),
        );
        for round in 4..8 {
            drop(edit(round, &mut now).ok());
        }
        daemon.stop();
        let workspaces = std::fs::read_dir(daemon.store().join("workspaces")).expect("workspaces");
        let store = workspaces.flatten().next().expect("one").path();
        let sound = files_of(&store);
        Self {
            daemon,
            project,
            store,
            sound,
            middle,
            at_middle,
            now,
        }
    }

    /// Store and project as they were, but for the damage.
    fn set_up(&self, damage: &Damage) {
        for (name, _) in files_of(&self.store) {
            std::fs::remove_file(self.store.join(name)).expect("it goes");
        }
        for (name, bytes) in &self.sound {
            let bytes = match &damage.bytes {
                Some(damaged) if *name == damage.file => damaged,
                None if *name == damage.file => continue,
                _ => bytes,
            };
            std::fs::write(self.store.join(name), bytes).expect("it is written");
        }
        for (name, bytes) in &self.now {
            self.project.write(name, bytes);
        }
    }

    #[track_caller]
    fn one(&mut self, damage: &Damage) -> i32 {
        let told = &damage.told;
        self.set_up(damage);
        self.daemon.run();
        let root = self.project.root();
        let aft = |arguments: &[&str]| self.daemon.aft_in(root, arguments);
        let check = aft(&["check", "--read-data"]);
        assert!(
            [0, 8].contains(&check.status),
            "{told}: {}{}",
            check.stdout,
            check.stderr
        );
        for (name, bytes) in &self.middle {
            let read = aft(&["cat", name, "--at", "middle"]);
            let right = read.status == 0 && read.stdout_bytes == *bytes;
            assert!(right || read.status != 0, "{told}: WRONG BYTES of {name}");
            assert!(
                right || check.status == 8,
                "{told}: not told: {}",
                read.stderr
            );
        }
        let before = self.project.manifest_with_times();
        let back = aft(&["rollback", "middle"]);
        let said = format!("{told}: {}: {}{}", back.status, back.stdout, back.stderr);
        assert!(!said.contains("panicked"), "{said}");
        match back.status {
            0 => assert_same(&self.at_middle, &self.project.manifest(), &said),
            _ => {
                assert_eq!(check.status, 8, "{said}");
                assert_same(&before, &self.project.manifest_with_times(), &said);
            }
        }
        self.daemon.stop();
        let printed = self.daemon.printed();
        assert!(!printed.contains("panicked"), "{told}: {printed}");
        back.status
    }
}

#[test]
fn a_rollback_from_a_rotten_store_is_right_or_does_nothing() {
    let mut rng = Rng::new(seed("rot under a daemon"));
    let mut rig = Rig::new(&mut rng);
    let all = classes();
    // Contents, whatever the seed.
    let mut chosen = vec![(
        Place::Frame(4, super::rot_damage::Field::Middle),
        Harm::Zero,
    )];
    let (mut done, mut refused) = (0, 0);
    let wanted = if heavy() { CASES_HEAVY } else { CASES };
    while done < wanted {
        let class = chosen.pop().unwrap_or(all[rng.index(all.len())]);
        let Some(damage) = damage(&rig.sound, class, &mut rng) else {
            continue;
        };
        done += 1;
        refused += usize::from(rig.one(&damage) != 0);
    }
    println!("{done} rotten stores, {refused} refused");
    assert!(refused < done, "nothing was served");
}
