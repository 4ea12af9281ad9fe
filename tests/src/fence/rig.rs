//! A daemon with a chosen backend and a project that it tracks.
//! Does not judge anything.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aft_testkit::daemon::{Connection, Socket};
use aft_testkit::{TestDaemon, Workspace};
use serde_json::{Value, json};

/// A daemon and an armed project.
pub(super) struct Rig {
    pub(super) daemon: TestDaemon,
    pub(super) project: Workspace,
}

impl Rig {
    /// A daemon that watches by `backend`, and an empty project that is armed.
    #[track_caller]
    pub(super) fn start(backend: &str) -> Self {
        let mut daemon = TestDaemon::prepare();
        // No regular walk: it would hide what a fence missed.
        daemon.write_config(&format!(
            "[daemon]\nwatch = \"{backend}\"\nrescan = \"24h\"\n"
        ));
        daemon.run();
        let rig = Self::of(daemon);
        rig.watch();
        let mut connection = rig.agent();
        let status = connection.expect_call("workspace.status", &rig.params());
        assert_eq!(status["backend"], json!(backend), "another backend runs");
        rig
    }

    /// A running daemon and an empty project that is not tracked yet.
    pub(super) fn of(daemon: TestDaemon) -> Self {
        Self {
            daemon,
            project: Workspace::beneath(&parent()),
        }
    }

    /// Tracks the project and waits until it is armed.
    #[track_caller]
    pub(super) fn watch(&self) {
        let watched = self.daemon.aft_in(self.root(), &["watch", "--detach"]);
        assert_eq!(watched.status, 0, "{}{}", watched.stdout, watched.stderr);
    }

    pub(super) fn root(&self) -> &Path {
        self.project.root()
    }

    /// A connection with the rights of an agent.
    #[track_caller]
    pub(super) fn agent(&self) -> Connection {
        self.daemon.connect(Socket::Agent)
    }

    /// Parameters that name the project and nothing else.
    pub(super) fn params(&self) -> Value {
        params(self.root())
    }
}

/// Parameters that name the workspace at `root` and nothing else.
pub(super) fn params(root: &Path) -> Value {
    json!({ "workspace": root.to_str().expect("a root in UTF-8") })
}

fn parent() -> PathBuf {
    if let Some(dir) = std::env::var_os("AFT_FENCE_DIR") {
        return PathBuf::from(dir);
    }
    // ext4 without a journal takes half a millisecond for a file once thousands were deleted.
    let memory = PathBuf::from("/dev/shm");
    if tempfile::tempdir_in(&memory).is_ok() {
        memory
    } else {
        std::env::temp_dir()
    }
}

/// `p50` and `p99` of these times, in words.
pub(super) fn percentiles(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |percent: usize| {
        let index = (times.len() * percent / 100).min(times.len().saturating_sub(1));
        times.get(index).copied().unwrap_or_default()
    };
    format!("p50 {:.2?} p99 {:.2?}", at(50), at(99))
}
