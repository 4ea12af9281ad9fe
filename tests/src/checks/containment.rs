//! T16: a command that hangs, hides, floods or forks ends in its time, leaves nobody behind, and changes nothing but what
//! it may. Driven through the supervisor of the real binary; what a daemon makes of it is at the end.
//!
//! `AFT_HEAVY=1` floods 10 GiB instead of 512 MiB. The fork bomb needs a `pids` control group, which root can make, and says
//! so where there is none.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use aft_os::process::contained::{
    Bounds, Cancel, Command, Ending, KILL_GRACE, Ran, Supervisor, TERM_GRACE, missing, run,
};
use aft_testkit::daemon::binary;
use tempfile::TempDir;

use super::rig::{Rig, verify};

/// Beside time-out and graces: two busy cores and a debug build.
const SLACK: Duration = Duration::from_secs(6);

/// Cages made so far.
static CAGES: AtomicU32 = AtomicU32::new(0);

struct Cage {
    dir: TempDir,
    bounds: Bounds,
    timeout: Duration,
    /// In the command line of everybody it starts.
    token: String,
}

impl Cage {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let work = dir.path().join("work");
        fs::create_dir(&work).unwrap();
        let number = CAGES.fetch_add(1, Ordering::Relaxed);
        Self {
            bounds: Bounds {
                writable: vec![work],
                ..Bounds::default()
            },
            timeout: Duration::from_secs(60),
            token: format!("1000.{}{number:04}", std::process::id()),
            dir,
        }
    }

    fn within(timeout_ms: u64) -> Self {
        Self {
            timeout: Duration::from_millis(timeout_ms),
            ..Self::new()
        }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Runs a line of shell in `work`; `SLEEP` in it is a sleep that can be told from all others.
    fn shell(&self, line: &str) -> Ran {
        self.shell_until(line, &Cancel::new().unwrap())
    }

    fn shell_until(&self, line: &str, cancel: &Cancel) -> Ran {
        let line = line.replace("SLEEP", &format!("sleep {}", self.token));
        let command = Command {
            argv: ["sh", "-c", &line].map(Into::into).to_vec(),
            env: vec![("PATH".into(), std::env::var_os("PATH").unwrap())],
            timeout: self.timeout,
            umask: 0o022,
            bounds: self.bounds.clone(),
        };
        let dir = fs::File::open(self.path().join("work")).unwrap();
        let began = Instant::now();
        let supervisor = Supervisor::at(binary());
        let ran = run(
            &supervisor,
            (&command, dir.into()),
            1 << 20,
            cancel,
            &mut |_| (),
        )
        .unwrap();
        let most = self.timeout + TERM_GRACE + KILL_GRACE + SLACK;
        assert!(began.elapsed() < most, "{line}: {:?}", began.elapsed());
        assert_eq!(ran.survivors, 0, "{line}");
        assert_eq!(self.survivors(), Vec::<i32>::new(), "{line}");
        ran
    }

    /// Processes of this cage that run now.
    fn survivors(&self) -> Vec<i32> {
        let pids = fs::read_dir("/proc").unwrap().flatten();
        let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let bears = |pid: &i32| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(&self.token)
        };
        pids.filter(bears).collect()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_command_that_ends_is_told_by_its_code_or_its_signal() {
    let cage = Cage::new();
    for code in [0, 1, 124, 125, 126, 127, 139] {
        let ran = cage.shell(&format!("echo out; echo err >&2; exit {code}"));
        assert_eq!(ran.ending, Ending::Code(code));
        assert_eq!(
            (text(&ran.stdout), text(&ran.stderr)),
            ("out\n".into(), "err\n".into())
        );
    }
    assert_eq!(cage.shell("kill -SEGV $$").ending, Ending::Signal(11));
}

#[test]
fn a_command_that_hangs_or_stops_itself_or_ignores_the_request_ends_in_its_time() {
    for line in [
        "SLEEP",
        "kill -STOP $$; SLEEP",
        "trap '' TERM; SLEEP; SLEEP",
        "trap '' TERM; while :; do :; done",
        "SLEEP & trap '' TERM; kill -STOP $!; wait",
    ] {
        assert_eq!(
            Cage::within(300).shell(line).ending,
            Ending::TimedOut,
            "{line}"
        );
    }
}

#[test]
fn what_a_command_leaves_behind_ends_with_it_whatever_it_did_to_hide() {
    let cage = Cage::new();
    // Forked twice, a session of its own, deaf, holding the streams, with no environment to be told by.
    let hidden = "(setsid env -i PATH=$PATH sh -c \"trap '' TERM HUP; (setsid SLEEP &) ; SLEEP\" &) & exit 7";
    assert_eq!(cage.shell(hidden).ending, Ending::Code(7));
    assert_eq!(
        cage.shell("setsid SLEEP & setsid SLEEP & exit 0").ending,
        Ending::Code(0)
    );
}

#[test]
fn nobody_is_left_when_whoever_wanted_it_is_gone() {
    let cage = Cage::within(60_000);
    let cancel = Arc::new(Cancel::new().unwrap());
    let other = Arc::clone(&cancel);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            aft_testkit::workspace::wait_until(Duration::from_secs(20), "it runs", || {
                !cage.survivors().is_empty()
            });
            other.cancel();
        });
        assert_eq!(cage.shell_until("SLEEP", &cancel).ending, Ending::Cancelled);
    });
    assert!(cancel.is_cancelled());
    assert_eq!(
        cage.shell_until("SLEEP", &cancel).ending,
        Ending::Cancelled,
        "once and for all"
    );
}

#[test]
fn a_flood_is_cut_and_costs_no_memory() {
    let heavy = std::env::var_os("AFT_HEAVY").is_some();
    let mib = if heavy { 10_240 } else { 512 };
    let mut rig = Rig::with(&verify(
        "flood",
        &format!("head -c {mib}M /dev/zero; exit 1"),
        "",
    ));
    rig.project.write("a", "a");
    rig.watch();
    let resident = |rig: &Rig, field: &str| -> u64 {
        let status = format!("/proc/{}/status", rig.daemon.pid().unwrap());
        let status = fs::read_to_string(status).unwrap();
        let line = status.lines().find(|line| line.starts_with(field)).unwrap();
        line.split_ascii_whitespace()
            .nth(1)
            .unwrap()
            .parse()
            .unwrap()
    };
    let before = resident(&rig, "VmRSS:");
    let said = rig.verify(&[], 1);
    assert_eq!(said["verdicts"][0]["status"], "failed", "{said:#}");
    let grown = resident(&rig, "VmHWM:").saturating_sub(before);
    println!("a flood of {mib} MiB: the daemon grew by {grown} KiB at most");
    assert!(grown <= 10 << 10, "{grown} KiB");
    rig.daemon.stop();
}

#[test]
fn a_fork_bomb_ends_in_its_time() {
    let group = Path::new("/sys/fs/cgroup/pids").join(format!("aft-test-{}", std::process::id()));
    if fs::create_dir(&group).is_err() {
        println!("SKIPPED: no control group for processes can be made here");
        return;
    }
    fs::write(group.join("pids.max"), "300").unwrap();
    let procs = group.join("cgroup.procs");
    let mut cage = Cage::within(1_500);
    cage.bounds.writable.push(group.clone());
    // Each child makes a session of its own, so that no group of processes holds them.
    let program = "import os, signal\nsignal.signal(15, signal.SIG_IGN)\nwhile True:\n  try:\n    if os.fork() == 0: os.setsid()\n  except OSError: pass";
    let bomb = format!("echo $$ > {}; exec python3 -c '{program}'", procs.display());
    let ran = cage.shell(&bomb);
    assert!(
        matches!(ran.ending, Ending::TimedOut | Ending::Code(_)),
        "{ran:?}"
    );
    let left = fs::read_to_string(&procs).unwrap();
    assert_eq!(left, "", "in the group");
    fs::remove_dir(&group).unwrap();
}

#[test]
fn it_writes_only_where_it_may_and_reads_nothing_that_is_hidden() {
    if !missing().is_empty() {
        println!("SKIPPED: this kernel does not limit {:?}", missing());
        return;
    }
    let mut cage = Cage::new();
    let hidden = cage.path().join("hidden");
    fs::create_dir(&hidden).unwrap();
    fs::write(hidden.join("key"), "secret").unwrap();
    fs::write(cage.path().join("beside"), "beside\n").unwrap();
    cage.bounds.hidden = vec![hidden];
    let ran = cage.shell(
        "cat ../beside; cat ../hidden/key && echo BAD; ln ../hidden/key k && echo BAD; ln -s ../hidden h; cat h/key && echo BAD
         echo x > ../beside && echo BAD; echo x > ../new && echo BAD; rm -f ../beside && echo BAD; chmod 700 . ; mkdir sub
         echo in > sub/file && mv sub/file . && cat file; echo > /dev/null && echo null; true",
    );
    assert_eq!(
        text(&ran.stdout),
        "beside\nin\nnull\n",
        "{}",
        text(&ran.stderr)
    );
    assert_eq!(
        fs::read_to_string(cage.path().join("beside")).unwrap(),
        "beside\n"
    );
}

#[test]
fn it_signals_and_connects_to_nobody() {
    if !missing().is_empty() {
        println!("SKIPPED: this kernel does not limit {:?}", missing());
        return;
    }
    let mut cage = Cage::new();
    let ran = cage.shell(
        "kill -0 $PPID && echo BAD; kill -0 1 && echo BAD; sh -c 'kill -0 $PPID' && echo within",
    );
    assert_eq!(text(&ran.stdout), "within\n", "{}", text(&ran.stderr));
    let connects = "python3 -c 'import socket; socket.socketpair(); socket.socket(socket.AF_INET); print(1); socket.socket(socket.AF_UNIX); print(2)'";
    assert_eq!(text(&cage.shell(connects).stdout), "1\n");
    cage.bounds.unix_sockets = true;
    assert_eq!(text(&cage.shell(connects).stdout), "1\n2\n");
}

#[test]
fn it_inherits_nothing_but_its_streams() {
    let cage = Cage::new();
    let inherited = fs::File::open("/dev/null").unwrap();
    rustix::io::fcntl_setfd(&inherited, rustix::io::FdFlags::empty()).unwrap();
    let ran =
        cage.shell("ls /proc/self/fd; ulimit -c; env | sed 's/=.*//' | sort | tr '\\n' ' '; umask");
    // The last descriptor is that of the directory that is listed.
    assert_eq!(
        text(&ran.stdout),
        "0\n1\n2\n3\n0\nAFT_RUN PATH PWD 0022\n",
        "{}",
        text(&ran.stderr)
    );
}

#[test]
fn a_broken_check_is_an_error_and_a_failure_is_none() {
    let line = |code: &str| verify(&format!("c{code}"), &format!("exit {code}"), "");
    let codes = ["0", "1", "124", "125", "126", "127", "139"];
    let mut config: String = codes.iter().map(|code| line(code)).collect();
    config += &verify("signal", "kill -SEGV $$", "");
    config += &verify("late", "sleep 50", "timeout = \"200ms\"");
    config +=
        "[[verify]]\nname = \"none\"\nrun = [\"there-is-no-such-program\"]\nrule = \"exit\"\n";
    let mut rig = Rig::with(&config);
    rig.project.write("a", "a");
    rig.watch();
    let head = rig.head();
    let said = rig.verify(&[], 1);
    let verdicts = said["verdicts"].as_array().unwrap();
    let statuses: Vec<(&str, &str)> = verdicts
        .iter()
        .map(|verdict| {
            (
                verdict["check"].as_str().unwrap(),
                verdict["status"].as_str().unwrap(),
            )
        })
        .collect();
    let wanted = [
        ("c0", "passed"),
        ("c1", "failed"),
        ("c124", "failed"),
        ("c125", "error"),
        ("c126", "error"),
        ("c127", "error"),
        ("c139", "error"),
        ("signal", "error"),
        ("late", "error"),
        ("none", "error"),
    ];
    assert_eq!(statuses, wanted, "{said:#}");
    for verdict in verdicts
        .iter()
        .filter(|verdict| verdict["status"] == "error")
    {
        assert_eq!(verdict["acts"], false, "{verdict:#}");
    }
    assert_eq!(rig.head(), head, "nothing was put back");
    let left = fs::read_dir(rig.store().join("checks")).unwrap().count();
    assert_eq!(left, 0, "private directories of runs that are over");
    rig.daemon.stop();
}
