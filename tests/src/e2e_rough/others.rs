//! Another user of the machine, and a daemon without rights. Needs root, and says so where it is not.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use aft_testkit::workspace::Output;
use aft_testkit::{TestDaemon, Workspace, daemon};

use super::rig::{Rig, am_root, assert_failure};

/// A user without rights: `nobody` on every Debian.
const NOBODY: u32 = 65_534;

/// A program that runs `aft` as nobody; in a directory that goes with it.
struct AsNobody {
    place: Workspace,
    program: PathBuf,
}

impl AsNobody {
    fn new() -> Option<Self> {
        if !am_root() {
            println!("SKIPPED: only root can become another user");
            return None;
        }
        let place = Workspace::new();
        std::fs::set_permissions(place.outside(), std::fs::Permissions::from_mode(0o755))
            .expect("its mode");
        let program = place.outside().join("aft-as-nobody");
        let script = format!(
            "#!/bin/sh\nexec setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups {} \"$@\"\n",
            daemon::binary().display()
        );
        std::fs::write(&program, script).expect("a wrapper");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))
            .expect("its mode");
        let runs = place.try_run(&program.to_string_lossy(), &["--version"]);
        if runs.status != 0 {
            println!("SKIPPED: nobody cannot run the binary: {}", runs.stderr);
            return None;
        }
        Some(Self { place, program })
    }

    /// Runs `aft` as nobody against these places.
    fn aft(&self, rig: &Rig, store: &Path, arguments: &[&str]) -> Output {
        let script = format!(
            "AFT_HOME='{}' AFT_RUNTIME_DIR='{}' exec '{}' {}",
            store.display(),
            rig.daemon.runtime_dir().display(),
            self.program.display(),
            arguments.join(" ")
        );
        self.place.try_run("sh", &["-c", &script])
    }
}

fn give(path: &Path) {
    chown(path, Some(NOBODY), Some(NOBODY)).expect("chown");
}

#[test]
fn another_user_is_not_served() {
    let Some(nobody) = AsNobody::new() else {
        return;
    };
    let rig = Rig::watching("//- /f\n1\n");
    let before = rig.unharmed();
    let own_store = nobody.place.outside().join("store");
    let root = rig.workspace().to_owned();
    for arguments in [
        &["daemon", "status"][..],
        &["status", "-w", &root],
        &["daemon", "stop"],
        &["undo", "-w", &root],
    ] {
        let output = nobody.aft(&rig, &own_store, arguments);
        assert!(
            output.status != 0 && output.stderr.starts_with("aft: "),
            "{}: {}",
            output.status,
            output.stderr
        );
    }
    // Doors left open by mistake: the daemon still looks at who comes in.
    let open = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("its mode")
    };
    open(
        rig.daemon.runtime_dir().parent().expect("its directory"),
        0o755,
    );
    open(&rig.daemon.runtime_dir(), 0o755);
    for socket in ["agent.sock", "editor.sock", "control.sock"] {
        open(&rig.daemon.runtime_dir().join(socket), 0o777);
    }
    for arguments in [
        &["daemon", "status"][..],
        &["daemon", "stop"],
        &["status", "-w", &root],
        &["undo", "-w", &root],
    ] {
        let output = nobody.aft(&rig, &own_store, arguments);
        let what = arguments.join(" ");
        assert!(
            output.status == 6 && output.stderr.starts_with("aft: "),
            "{what}: {}: {}{}",
            output.status,
            output.stdout,
            output.stderr
        );
        assert!(output.stdout.is_empty(), "{what}: {}", output.stdout);
    }
    open(&rig.daemon.runtime_dir(), 0o700);
    rig.assert_unharmed(&before, "another user");
}

#[test]
fn directories_of_another_user_are_refused() {
    if !am_root() {
        println!("SKIPPED: only root can give a directory away");
        return;
    }
    for which in ["run", "state"] {
        let daemon = TestDaemon::prepare();
        give(&daemon.store().with_file_name(which));
        let output = daemon.aft(&["daemon", "run"]);
        assert_failure(&output, 1, "daemon run");
        assert!(
            output.stderr.contains("choose a directory of your own"),
            "{}",
            output.stderr
        );
        assert_eq!(daemon.pid(), None);
    }
}

#[test]
fn a_directory_we_may_not_enter_is_not_watched() {
    let Some(nobody) = AsNobody::new() else {
        return;
    };
    let mut daemon = TestDaemon::of_binary(nobody.program.clone());
    let holder = daemon
        .store()
        .parent()
        .expect("its directory")
        .to_path_buf();
    for path in [
        holder.clone(),
        daemon.store(),
        daemon.runtime_dir(),
        holder.join("home"),
    ] {
        give(&path);
    }
    daemon.run();
    let rig = Rig::of(daemon);
    for path in [rig.project.outside(), rig.root()] {
        give(path);
    }
    rig.project.write("closed/f", "1\n");
    rig.project.write("unreadable/f", "1\n");
    rig.project.chmod("closed", 0o700);
    rig.project.chmod("unreadable", 0o711);
    for name in ["closed", "closed/beneath", "unreadable"] {
        let output = rig.aft(&["watch", name, "--detach"]);
        assert!(
            output.status == 6 || output.status == 4,
            "{name}: {}: {}",
            output.status,
            output.stderr
        );
        assert!(output.stderr.starts_with("aft: "), "{}", output.stderr);
    }
    let output = rig.aft(&["watch", "closed", "--detach"]);
    assert!(
        output.stderr.to_lowercase().contains("permission"),
        "{}",
        output.stderr
    );
    assert_eq!(rig.json(&["doctor"])["ok"], true);
    // A project with a part that may not be read is watched, and the part is listed.
    rig.ok(&["watch", "--detach"]);
    let status = rig.json(&["status"]);
    let listed = status["not_covered"].to_string();
    assert!(
        listed.contains("closed") && listed.contains("unreadable"),
        "{status}"
    );
}
