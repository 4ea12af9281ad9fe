//! A control group of a test's own with one limit, and a program that runs `aft daemon run` in it.
//!
//! Does: make it, move the limit, and remove it when the daemon is gone. Does not: limit commands, which are the user's.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process;
use std::time::{Duration, Instant};

use aft_testkit::{TestDaemon, daemon};

use super::unavailable;

const GROUPS: &str = "/sys/fs/cgroup";

/// The group. Drop the daemon first.
#[derive(Debug)]
pub(super) struct Cage {
    at: PathBuf,
}

impl Cage {
    /// A group of a controller; `None`, said loudly, where the machine has none that may be made.
    #[track_caller]
    pub(super) fn make(controller: &str, name: &str) -> Option<Self> {
        let at = Path::new(GROUPS)
            .join(controller)
            .join(format!("aft-{name}-{}", process::id()));
        match fs::create_dir(&at) {
            Ok(()) => Some(Self { at }),
            Err(error) => {
                unavailable(&format!("no control group of {controller}: {error}"));
                None
            }
        }
    }

    #[track_caller]
    pub(super) fn set(&self, file: &str, value: &str) {
        let set = fs::write(self.at.join(file), value);
        assert!(set.is_ok(), "cannot set {file} to {value}: {set:?}");
    }

    pub(super) fn read(&self, file: &str) -> String {
        fs::read_to_string(self.at.join(file)).unwrap_or_default()
    }

    /// A daemon that will run in it.
    pub(super) fn daemon(&self, place: &Path) -> TestDaemon {
        let before = format!("echo $$ > {}/cgroup.procs", self.at.display());
        daemon_after(place, &before)
    }
}

impl Drop for Cage {
    fn drop(&mut self) {
        // A process that has just ended may still be counted.
        let start = Instant::now();
        while fs::remove_dir(&self.at).is_err() && start.elapsed() < Duration::from_secs(5) {
            std::thread::yield_now();
        }
    }
}

/// A daemon that is started by a shell which has done something before.
pub(super) fn daemon_after(place: &Path, before: &str) -> TestDaemon {
    let program = place.join("aft-limited");
    let script = format!(
        "#!/bin/sh\nif [ \"$1 $2\" = 'daemon run' ]; then {before} || exit 99; fi\nexec {} \"$@\"\n",
        daemon::binary().display()
    );
    fs::write(&program, script).expect("a program");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("its mode");
    TestDaemon::of_binary(program)
}
