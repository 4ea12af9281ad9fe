//! `strace` as the tool that kills at a chosen system call, and that tells which calls were made.
//! Attaches to one thread of the daemon, or stands between a test and a daemon that starts. Does not judge.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aft_testkit::daemon::binary;
use aft_testkit::workspace::wait_until;
use rustix::process::{Pid, Signal, kill_process};

/// Every call that can change a file, a directory or an attribute, as far as `strace` knows it. An open may make a
/// file. `fchmodat2` is younger than many a `strace`; an open comes before and after each of ours.
pub(super) const MUTATING: [&str; 24] = [
    "openat2",
    "openat",
    "open",
    "creat",
    "write",
    "pwrite64",
    "writev",
    "pwritev",
    "ftruncate",
    "truncate",
    "fallocate",
    "copy_file_range",
    "mkdirat",
    "mkdir",
    "symlinkat",
    "linkat",
    "renameat",
    "renameat2",
    "rename",
    "unlinkat",
    "unlink",
    "rmdir",
    "fchmod",
    "fchmodat",
];

/// Whether `strace` is there and may attach; says so loudly where it is not.
pub(crate) fn is_there() -> bool {
    let output = Command::new("strace")
        .args(["-o", "/dev/null", "true"])
        .stderr(Stdio::null())
        .status();
    let there = output.is_ok_and(|status| status.success());
    if !there {
        println!("SKIPPED: strace is not installed, or may not trace");
    }
    there
}

/// The thread of process `pid` that bears this name.
#[track_caller]
pub(crate) fn thread_of(pid: i32, name: &str) -> i32 {
    let mut found = None;
    wait_until(Duration::from_secs(10), "the thread is there", || {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("the daemon runs");
        found = tasks.filter_map(Result::ok).find_map(|task| {
            let comm = fs::read_to_string(task.path().join("comm")).ok()?;
            (comm.trim_end() == name).then(|| task.file_name().to_str()?.parse().ok())?
        });
        found.is_some()
    });
    found.expect("it was found")
}

/// `strace` on one thread.
pub(crate) struct Tracer {
    child: Child,
    output: PathBuf,
}

impl Tracer {
    /// Attaches to `thread`. With `kill_at`, the process gets `SIGKILL` when the thread enters that call for the
    /// n-th time, and the call is not made.
    #[track_caller]
    pub(crate) fn attach(thread: i32, kill_at: Option<(&str, usize)>, output: PathBuf) -> Self {
        match kill_at {
            None => Self::run(thread, &MUTATING.join(","), None, output),
            Some((call, n)) => {
                let inject = format!("{call}:signal=SIGKILL:when={n}");
                Self::run(thread, call, Some(&inject), output)
            }
        }
    }

    /// Attaches to `thread`, only to tell which of these calls it makes.
    #[track_caller]
    pub(crate) fn attach_to(thread: i32, calls: &[&str], output: PathBuf) -> Self {
        Self::run(thread, &calls.join(","), None, output)
    }

    /// Attaches to `thread`, whose n-th such call and all after it are answered with an input/output error.
    #[track_caller]
    pub(super) fn attach_failing(thread: i32, (call, n): (&str, usize), output: PathBuf) -> Self {
        let inject = format!("{call}:error=EIO:when={n}+");
        Self::run(thread, call, Some(&inject), output)
    }

    #[track_caller]
    fn run(thread: i32, calls: &str, inject: Option<&str>, output: PathBuf) -> Self {
        let mut command = Command::new("strace");
        command.args(["-p", &thread.to_string(), "-o"]).arg(&output);
        command.arg(format!("--trace={calls}"));
        if let Some(inject) = inject {
            command.arg(format!("--inject={inject}"));
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("strace starts");
        let mut said = String::new();
        let mut errors = BufReader::new(child.stderr.take().expect("piped"));
        errors
            .read_line(&mut said)
            .expect("strace says that it is attached");
        assert!(said.contains("attached"), "{said}");
        Self { child, output }
    }

    /// Detaches, or waits for an end that has come by itself, and gives what was written.
    #[track_caller]
    pub(crate) fn end(mut self) -> Vec<String> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if matches!(self.child.try_wait(), Ok(None)) {
            // It may end by itself at this moment, and then there is nothing left to ask.
            if let Some(pid) = pid {
                kill_process(pid, Signal::TERM).unwrap_or_default();
            }
        }
        drop(self.child.wait());
        lines(&self.output)
    }
}

/// How often each call was made, out of the lines of a trace.
pub(crate) fn counts(lines: &[String]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in lines {
        let call: String = line.chars().take_while(|c| c.is_alphanumeric()).collect();
        if MUTATING.contains(&call.as_str()) {
            *counts.entry(call).or_default() += 1;
        }
    }
    counts
}

/// A binary that is `aft` itself, except that its next start is traced where [`Self::arm`] was called before.
pub(super) struct TracedBinary {
    pub(super) path: PathBuf,
    dir: tempfile::TempDir,
}

impl TracedBinary {
    pub(super) fn new() -> Self {
        let dir = tempfile::Builder::new()
            .prefix("aft-trace-")
            .tempdir()
            .expect("a directory");
        let path = dir.path().join("aft");
        let (real, here) = (binary(), dir.path().to_owned());
        // `-D`: the daemon stays the child of whoever started it.
        let script = format!(
            "#!/bin/sh\nif [ \"$1 $2\" = 'daemon run' ] && rm {here}/armed 2>/dev/null; then\n\
             exec strace -D -f -q -y --trace={calls} -o {here}/trace {real} \"$@\"\nfi\nexec {real} \"$@\"\n",
            here = here.display(),
            real = real.display(),
            calls = MUTATING.join(","),
        );
        fs::write(&path, script).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("made executable");
        Self { path, dir }
    }

    /// The next `daemon run` is traced.
    pub(super) fn arm(&self) {
        fs::write(self.dir.path().join("armed"), "").expect("written");
    }

    /// Where a test may put what a tracer of its own writes.
    pub(super) fn scratch(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The calls of the traced start that could have changed something beneath `root`, as far as they succeeded.
    pub(super) fn changes_beneath(&self, root: &Path) -> Vec<String> {
        let root = root.to_str().expect("a root in UTF-8");
        let trace = lines(&self.dir.path().join("trace"));
        assert!(trace.len() > 10, "the start was not traced: {trace:?}");
        trace
            .into_iter()
            .filter(|line| line.contains(root) && !line.contains(" = -1 "))
            .filter(|line| {
                let opens = line.contains(" open")
                    && !line.contains("O_CREAT")
                    && !line.contains("O_TRUNC");
                !opens
            })
            .collect()
    }
}

fn lines(path: &Path) -> Vec<String> {
    let bytes = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    text.lines().map(str::to_owned).collect()
}
