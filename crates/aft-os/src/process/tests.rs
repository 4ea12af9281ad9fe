//! Tests of the module beside this file: process.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;

use super::*;

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the test starts a child to see it end"
)]
fn a_process_is_alive_until_it_ends_waited_for_or_not() {
    assert!(SystemProcess.is_alive(std::process::id()));
    let mut child = Command::new("cat")
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    assert!(SystemProcess.is_alive(child.id()));
    drop(child.stdin.take());
    // Not reaped yet: only looked at.
    let options = rustix::process::WaitIdOptions::EXITED | rustix::process::WaitIdOptions::NOWAIT;
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::waitid(rustix::process::WaitId::Pid(pid), options).unwrap();
    assert!(!SystemProcess.is_alive(child.id()));
    child.wait().unwrap();
    assert!(!SystemProcess.is_alive(child.id()));
    assert!(!SystemProcess.is_alive(0));
    assert!(!SystemProcess.is_alive(u32::MAX));
}

#[test]
fn a_detached_process_has_a_session_of_its_own_and_inherits_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (log, fifo) = (dir.path().join("log"), dir.path().join("fifo"));
    File::create(&log).unwrap().write_all(b"before\n").unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    // Open without the close-on-exec mark, as a careless parent leaves it.
    let (leaked, _other) = UnixStream::pair().unwrap();
    rustix::io::fcntl_setfd(&leaked, rustix::io::FdFlags::empty()).unwrap();
    let script = "ls -l /proc/$$/fd; cut -d' ' -f6 /proc/$$/stat; pwd; echo home=$HOME; cat; echo done >\"$0\"";
    let args = ["-c", script]
        .map(OsString::from)
        .into_iter()
        .chain([fifo.clone().into()])
        .collect::<Vec<_>>();
    let pid = spawn_detached(Path::new("/bin/sh"), &args, &log, &["HOME"]).unwrap();
    // The read of the FIFO ends when the script has written there, so all it says is in the log.
    let mut word = String::new();
    File::open(&fifo)
        .unwrap()
        .read_to_string(&mut word)
        .unwrap();
    assert_eq!(word, "done\n");
    let said = std::fs::read_to_string(&log).unwrap();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "before");
    let open: Vec<&&str> = lines.iter().filter(|line| line.contains(" -> ")).collect();
    assert!(
        open.iter().any(|line| line.contains("0 -> /dev/null")),
        "{said}"
    );
    for line in &open {
        let known = line.contains("/dev/null") || line.contains(log.to_str().unwrap());
        assert!(known, "{line} is inherited: {said}");
    }
    assert!(lines.contains(&"/") && lines.contains(&"home="), "{said}");
    let session: i32 = lines.iter().find_map(|line| line.parse().ok()).unwrap();
    // Read the same way as the script does: where the leader of this session lives outside our namespace of process
    // numbers it has the number 0, which `getsid` of rustix does not take.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    let ours: i32 = after_name
        .split_whitespace()
        .nth(3)
        .unwrap()
        .parse()
        .unwrap();
    assert_ne!(session, ours);
    assert_ne!(pid, std::process::id());
}

#[test]
fn a_program_that_cannot_be_run_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let error =
        spawn_detached(&dir.path().join("none"), &[], &dir.path().join("log"), &[]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    assert!(
        spawn_detached(
            Path::new("/bin/true"),
            &[],
            &dir.path().join("none/log"),
            &[]
        )
        .is_err()
    );
}

/// Hardening is for good, so it happens in a run of this test by itself.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the test starts itself to be hardened alone"
)]
fn a_hardened_process_still_watches_and_writes() {
    use crate::{ReadDir, WriteDir};
    const INSIDE: &str = "AFT_TEST_HARDENED";
    if std::env::var_os(INSIDE).is_none() {
        let mut again = Command::new(std::env::current_exe().unwrap());
        again
            .args([
                "--exact",
                "process::tests::a_hardened_process_still_watches_and_writes",
            ])
            .env(INSIDE, "1");
        let output = again.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{said}"
        );
        return;
    }
    harden().unwrap();
    let limit = rustix::process::getrlimit(rustix::process::Resource::Core);
    assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
    assert!(raise_nofile().unwrap() >= 256);
    let dir = tempfile::tempdir().unwrap();
    let root = crate::WritableRoot::open(dir.path()).unwrap();
    let at = aft_model::RelPath::new("f").unwrap();
    // Descriptors are named by /proc for xattrs, modes and watches, which must work without being dumpable.
    let made = root.create(&at, 0o666, b"x").unwrap();
    assert_eq!(made.mode & 0o777, 0o666);
    root.set_mode(&at, 0o640, &made).unwrap();
    assert_eq!(root.lstat(&at).unwrap().unwrap().mode & 0o777, 0o640);
    let fd = File::open(dir.path()).unwrap();
    let named = format!("/proc/self/fd/{}", fd.as_raw_fd());
    let queue = rustix::fs::inotify::init(rustix::fs::inotify::CreateFlags::CLOEXEC).unwrap();
    rustix::fs::inotify::add_watch(&queue, named, rustix::fs::inotify::WatchFlags::CREATE).unwrap();
}
