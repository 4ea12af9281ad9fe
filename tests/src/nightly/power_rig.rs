//! A daemon whose store, project or both lie on a disk whose power can be cut.
//! Does not judge anything but that a daemon starts again without help.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aft_testkit::daemon::{Connection, Socket};
use aft_testkit::{Manifest, TestDaemon, Workspace};
use serde_json::{Value, json};

use crate::e2e_real::fast_dir;

use super::disk::{Disk, Kind};

/// What is on the disk that is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placement {
    Both,
    /// The store keeps everything; the files lose what was not synced.
    Project,
    /// The files keep everything; the history loses what was not synced.
    Store,
}

/// All of them.
pub(super) const PLACEMENTS: [Placement; 3] =
    [Placement::Both, Placement::Project, Placement::Store];

/// A daemon, a project and a disk.
pub(super) struct Rig {
    daemon: TestDaemon,
    home: PathBuf,
    placement: Placement,
    pub(super) project: Workspace,
    pub(super) disk: Disk,
}

impl Rig {
    /// An empty project that is not tracked yet; `None` where there is no such disk.
    #[track_caller]
    pub(super) fn new(kind: Kind, placement: Placement) -> Option<Self> {
        Some(Self::on(Disk::make(kind)?, placement))
    }

    /// The same on a disk that is there.
    #[track_caller]
    pub(super) fn on(disk: Disk, placement: Placement) -> Self {
        let mut daemon = TestDaemon::prepare();
        let mut home = daemon.store();
        if placement != Placement::Project {
            home = disk.at().join("store");
            daemon.set_env("AFT_HOME", home.to_str().expect("UTF-8"));
        }
        let beneath = match placement {
            Placement::Store => fast_dir(),
            Placement::Both | Placement::Project => disk.at().to_owned(),
        };
        let project = Workspace::beneath(&beneath);
        daemon.run();
        Self {
            daemon,
            home,
            placement,
            project,
            disk,
        }
    }

    pub(super) fn root(&self) -> &Path {
        self.project.root()
    }

    /// The workspace as calls name it.
    pub(super) fn name(&self) -> &str {
        self.root().to_str().expect("a root in UTF-8")
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.daemon.runtime_dir().join(Socket::Agent.file_name())
    }

    /// Where the segments of the one workspace are.
    pub(super) fn segments(&self) -> PathBuf {
        let stores = fs::read_dir(self.home.join("workspaces")).expect("the stores");
        let mut stores = stores.filter_map(Result::ok).map(|entry| entry.path());
        stores.next().expect("one store")
    }

    /// Runs `aft` in the project; it must succeed.
    #[track_caller]
    pub(super) fn ok(&self, arguments: &[&str]) -> String {
        self.daemon.aft_ok(self.root(), arguments)
    }

    /// A connection that may do everything.
    #[track_caller]
    pub(super) fn control(&self) -> Connection {
        let key = fs::File::options()
            .read(true)
            .write(true)
            .open(self.home.join("control.key"))
            .expect("the store's key");
        let mut connection = self
            .daemon
            .try_connect(Socket::Control)
            .expect("a connection");
        connection.hello_with_key(&key).expect("a greeting");
        connection
    }

    /// Parameters of a call that takes `paths` to `point`.
    pub(super) fn to(&self, point: &str, paths: &[&str]) -> Value {
        json!({"workspace": self.name(), "point": point, "paths": paths})
    }

    /// What is beneath a directory of the project.
    pub(super) fn look(&self, dir: &str) -> Manifest {
        Manifest::of(self.root().join(dir))
    }

    /// The power is gone already; whoever used the disk goes, and a daemon starts on what survived. How long it
    /// took until a fence was answered.
    #[track_caller]
    pub(super) fn come_back(&mut self) -> Duration {
        self.disk.come_back();
        let start = Instant::now();
        self.daemon.run();
        self.ok(&["sync"]);
        start.elapsed()
    }

    /// The power goes. A store that outlives its project must not see it go: a daemon that is still there would
    /// record that nothing can be read any more, which no machine without power does.
    #[track_caller]
    pub(super) fn go_dark(&mut self) {
        if self.placement == Placement::Project {
            self.end();
            self.disk.cut();
        } else {
            // A disk that is cloned goes on taking writes after its cut.
            if self.disk.outlives_its_cut() && self.daemon.pid().is_some() {
                self.daemon.pause();
            }
            self.disk.cut();
            self.end();
        }
    }

    /// Ends the daemon as a power cut would.
    #[track_caller]
    pub(super) fn end(&mut self) {
        // It may have ended by itself: its disk is gone.
        if self.daemon.pid().is_some() {
            self.daemon.kill();
        }
    }

    /// A daemon again.
    #[track_caller]
    pub(super) fn start(&mut self) {
        self.daemon.run();
    }

    /// The power goes and comes back.
    #[track_caller]
    pub(super) fn power_cut(&mut self) -> Duration {
        self.go_dark();
        self.come_back()
    }

    /// The store has no fault.
    #[track_caller]
    pub(super) fn check(&self, read_data: bool) {
        let params = json!({ "read_data": read_data });
        let checked = self.control().expect_call("store.check", &params);
        assert_eq!(
            checked["ok"],
            json!(true),
            "{checked}\n{}",
            self.daemon.printed()
        );
    }

    /// Ends everything, and asks the file system's own checker.
    #[track_caller]
    pub(super) fn finish(self) {
        let Self {
            mut daemon,
            project,
            disk,
            ..
        } = self;
        daemon.stop();
        drop(daemon);
        drop(project);
        disk.check();
    }
}
