//! A small file system that is a program of its own (`tests/fixtures/*.c`), built with the system's compiler and
//! `libfuse3`.
//!
//! Does: build, mount and unmount one. Does not: know what it does.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use aft_testkit::workspace::wait_until;

use super::{machine, unavailable};

/// One that is mounted. Unmounted when dropped: drop who uses it first.
#[derive(Debug)]
pub(super) struct Fuse {
    /// Where.
    pub(super) at: PathBuf,
    /// What the program works with lies here.
    pub(super) place: tempfile::TempDir,
    server: Server,
}

/// The program; it goes, and what it shows with it, when this does.
#[derive(Debug)]
struct Server {
    at: PathBuf,
    child: Child,
}

impl Fuse {
    /// Runs `program` with what `prepare` puts into its place, until `is_there` says so of the mount point; `None`, said
    /// loudly, where the machine cannot.
    #[track_caller]
    pub(super) fn mount(
        program: &str,
        prepare: impl FnOnce(&Path) -> Vec<PathBuf>,
        is_there: impl Fn(&Path) -> bool,
    ) -> Option<Self> {
        let place = tempfile::tempdir().expect("a directory");
        let built = place.path().join(program);
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/{program}.c"));
        let build = format!(
            "cc -O1 -o {} {} $(pkg-config --cflags --libs fuse3)",
            built.display(),
            source.display()
        );
        if let Err(reason) = machine("sh", &["-c", &build]) {
            unavailable(&format!("no {program}: {reason}"));
            return None;
        }
        let arguments = prepare(place.path());
        let at = place.path().join("mounted");
        std::fs::create_dir(&at).expect("made");
        let mut command = Command::new(&built);
        command.args(arguments).arg("-f").arg("-s").arg(&at);
        let mut fuse = Self {
            server: Server {
                at: at.clone(),
                child: command.spawn().expect("it starts"),
            },
            at,
            place,
        };
        let mut gone = false;
        wait_until(Duration::from_secs(10), "it is mounted", || {
            gone = matches!(fuse.server.child.try_wait(), Ok(Some(_)));
            gone || is_there(&fuse.at)
        });
        if gone {
            unavailable("FUSE does not mount here");
            return None;
        }
        Some(fuse)
    }

    /// Nobody uses it any more; what the program worked with stays.
    pub(super) fn unmount(self) -> tempfile::TempDir {
        let Self { place, server, .. } = self;
        drop(server);
        place
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        machine("umount", &["-l", &self.at.to_string_lossy()]).unwrap_or_default();
        self.child.kill().unwrap_or_default();
        drop(self.child.wait());
    }
}
