//! From the supervisor's fork to the command's first instruction.
//!
//! Does: make the process, take away what it must not have, become the command, and tell the supervisor why it could not.
//! Does not: wait: a command that is stopped before it begins holds nobody up.
//!
//! The supervisor has one thread, so after the fork everything may be done that may be done before it.

use std::convert::Infallible;
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};
use rustix::process::{Pid, Resource, Rlimit};

use super::{Command, landlock, seccomp};

/// How many tasks of this user a command may add to those there are.
const TASKS_MAX: u64 = 4096;
/// What programs expect; a daemon's own limit is higher, and makes those slow that close every possible descriptor.
const FILES_SOFT: u64 = 1024;
/// A command is out of everybody's way.
const NICENESS: i32 = 10;
/// Best effort, the last of its levels.
const IO_PRIORITY: i32 = (2 << 13) | 7;
/// Where memory ends, it is the first to go.
const OOM_SCORE: &[u8] = b"500";

/// What the command stands on.
pub(super) struct Ground {
    pub(super) dir: OwnedFd,
    pub(super) stdout: OwnedFd,
    pub(super) stderr: OwnedFd,
}

/// A command that was begun.
pub(super) struct Begun {
    pub(super) pid: Pid,
    /// Says why it did not start; closed without a word when it did.
    pub(super) told: OwnedFd,
}

/// Forks. In the child this does not return.
#[expect(unsafe_code, reason = "the fork itself")]
pub(super) fn begin(command: &Command, ground: Ground) -> io::Result<Begun> {
    let (told, tell) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    let supervisor = rustix::process::getpid();
    // SAFETY: this process has one thread, so its child is in a whole state.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            let Err(refused) = become_command(command, &ground, supervisor);
            let _told = rustix::io::write(&tell, refused.as_bytes());
            // SAFETY: ends this process at once; nothing of the supervisor's is run in it.
            unsafe { libc::_exit(127) }
        }
        pid => {
            // The write ends of the command's streams must be the command's alone.
            drop(ground);
            let pid = Pid::from_raw(pid).ok_or(io::ErrorKind::Other)?;
            Ok(Begun { pid, told })
        }
    }
}

fn become_command(
    command: &Command,
    ground: &Ground,
    supervisor: Pid,
) -> Result<Infallible, String> {
    let step = |what: &'static str| move |error: io::Error| format!("{what}: {error}");
    leave_surroundings(supervisor).map_err(step("cannot make a process of its own"))?;
    set_limits(command.umask).map_err(step("cannot set its limits"))?;
    take_ground(ground).map_err(step("cannot enter its directory"))?;
    give_up_privileges().map_err(step("cannot give up privileges"))?;
    if landlock::limits_files() {
        let bounds = &command.bounds;
        landlock::limit(bounds).map_err(step("cannot limit what it may write"))?;
    }
    let programs = candidates(command)?;
    let words = c_strings(command.argv.iter().map(|word| word.as_bytes()))?;
    let pairs = command
        .env
        .iter()
        .map(|(name, value)| [name.as_bytes(), b"=", value.as_bytes()].concat());
    let pairs = c_strings(pairs)?;
    close_the_rest().map_err(step("cannot close what it must not inherit"))?;
    if !command.bounds.unix_sockets && seccomp::is_there() {
        seccomp::cut_unix_sockets().map_err(step("cannot take Unix sockets away"))?;
    }
    let name = command
        .argv
        .first()
        .map(OsString::as_os_str)
        .unwrap_or_default();
    let error = execute(&programs, &words, &pairs);
    Err(format!("cannot run `{}`: {error}", name.display()))
}

/// A session and group of its own, which ends with the supervisor, and signals as a shell gives them.
#[expect(
    unsafe_code,
    reason = "signals are reset by the system's own interface"
)]
fn leave_surroundings(supervisor: Pid) -> io::Result<()> {
    rustix::process::setsid()?;
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    if rustix::process::getppid() != Some(supervisor) {
        return Err(io::Error::other("its supervisor has ended"));
    }
    for signal in 1..=libc::SIGRTMAX() {
        // SAFETY: takes no pointer. What cannot be reset is refused, and need not be.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    // SAFETY: the set is initialised by the call before it is used.
    unsafe {
        let mut none = std::mem::zeroed::<libc::sigset_t>();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
    Ok(())
}

#[expect(unsafe_code, reason = "ioprio_set has no function in the C library")]
fn set_limits(umask: u32) -> io::Result<()> {
    let exactly = |limit| Rlimit {
        current: Some(limit),
        maximum: Some(limit),
    };
    rustix::process::setrlimit(Resource::Core, exactly(0))?;
    let files = rustix::process::getrlimit(Resource::Nofile);
    let soft = files
        .maximum
        .map_or(FILES_SOFT, |most| most.min(FILES_SOFT));
    let files = Rlimit {
        current: Some(soft),
        maximum: files.maximum,
    };
    rustix::process::setrlimit(Resource::Nofile, files)?;
    let tasks = rustix::process::getrlimit(Resource::Nproc);
    let most = tasks_of_this_user().saturating_add(TASKS_MAX);
    if tasks.maximum.is_none_or(|allowed| allowed > most) {
        rustix::process::setrlimit(Resource::Nproc, exactly(most))?;
    }
    rustix::process::umask(Mode::from_raw_mode(umask & 0o777));
    rustix::process::setpriority_process(None, NICENESS)?;
    // SAFETY: takes no pointer. A courtesy: where it is refused, nothing depends on it.
    unsafe { libc::syscall(libc::SYS_ioprio_set, 1, 0, IO_PRIORITY) };
    let score = rustix::fs::openat(
        CWD,
        "/proc/self/oom_score_adj",
        OFlags::WRONLY,
        Mode::empty(),
    );
    if let Ok(score) = score {
        let _raised = rustix::io::write(score, OOM_SCORE);
    }
    Ok(())
}

/// Processes and threads that count towards this user's limit already.
fn tasks_of_this_user() -> u64 {
    use std::os::unix::fs::MetadataExt;
    let user = crate::process::euid();
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return 0;
    };
    let mine = entries.flatten().filter(|entry| {
        let is_process = entry.file_name().as_bytes().iter().all(u8::is_ascii_digit);
        is_process && entry.metadata().is_ok_and(|stat| stat.uid() == user)
    });
    let threads = mine.map(|entry| {
        let tasks = std::fs::metadata(entry.path().join("task"));
        tasks.map_or(1, |tasks| tasks.nlink().saturating_sub(2))
    });
    threads.sum()
}

/// Its streams and its directory, which is entered by its descriptor: a path may lead elsewhere by now.
fn take_ground(ground: &Ground) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let nothing = rustix::fs::openat(CWD, "/dev/null", flags, Mode::empty())?;
    put(&nothing, 0)?;
    put(&ground.stdout, 1)?;
    put(&ground.stderr, 2)?;
    rustix::process::fchdir(&ground.dir)?;
    Ok(())
}

#[expect(
    unsafe_code,
    reason = "a number that is not owned yet is given a meaning"
)]
fn put(fd: &OwnedFd, number: i32) -> io::Result<()> {
    // SAFETY: the call takes no pointer, and nothing here uses the three numbers by another name.
    if unsafe { libc::dup2(fd.as_raw_fd(), number) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

#[expect(unsafe_code, reason = "PR_SET_NO_NEW_PRIVS is called directly")]
fn give_up_privileges() -> io::Result<()> {
    // SAFETY: the call takes no pointer.
    if unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Marked rather than closed: the supervisor is told over one of them why the command did not start.
#[expect(unsafe_code, reason = "the C library's call has no safe wrapper")]
fn close_the_rest() -> io::Result<()> {
    let mark = libc::CLOSE_RANGE_CLOEXEC.cast_signed();
    // SAFETY: the call takes no pointer.
    if unsafe { libc::close_range(3, u32::MAX, mark) } != 0 {
        for entry in std::fs::read_dir("/proc/self/fd")?.flatten() {
            let number = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok());
            if let Some(fd) = number.filter(|fd: &i32| *fd > 2) {
                // SAFETY: takes no pointer; a number that is not open is an error without effect.
                unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
            }
        }
    }
    Ok(())
}

/// The files that may be the program, in order.
fn candidates(command: &Command) -> Result<Vec<CString>, String> {
    let Some(name) = command.argv.first().filter(|name| !name.is_empty()) else {
        return Err("there is no command".to_owned());
    };
    if name.as_bytes().contains(&b'/') {
        return c_strings([name.as_bytes()]);
    }
    let set = command.env.iter().find(|(name, _)| name == "PATH");
    let path = set.map_or(OsStr::new("/usr/local/bin:/usr/bin:/bin"), |(_, path)| path);
    // An empty entry would mean the directory that is checked: nothing is found there unless it is named.
    let dirs = std::env::split_paths(path).filter(|dir| dir.is_absolute());
    let files = dirs.map(|dir: std::path::PathBuf| dir.join(Path::new(name)));
    c_strings(files.map(|file| file.as_os_str().as_bytes().to_vec()))
}

fn c_strings<T: AsRef<[u8]>>(bytes: impl IntoIterator<Item = T>) -> Result<Vec<CString>, String> {
    let made = bytes.into_iter().map(|bytes| CString::new(bytes.as_ref()));
    let made = made.collect::<Result<_, _>>();
    made.map_err(|_| "a word of the command or its environment holds a zero byte".to_owned())
}

/// Becomes the first of the programs that can be run; comes back only where none can.
#[expect(unsafe_code, reason = "the exec itself")]
fn execute(programs: &[CString], words: &[CString], pairs: &[CString]) -> io::Error {
    let pointers = |strings: &[CString]| {
        let pointers = strings.iter().map(|string| string.as_ptr());
        pointers.chain([std::ptr::null()]).collect::<Vec<_>>()
    };
    let (words, pairs) = (pointers(words), pointers(pairs));
    let mut why = io::Error::from_raw_os_error(libc::ENOENT);
    for program in programs {
        // SAFETY: every pointer is to a live string with its end, and both lists end with a null pointer.
        unsafe { libc::execve(program.as_ptr(), words.as_ptr(), pairs.as_ptr()) };
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::ENOENT | libc::ENOTDIR) => {}
            Some(libc::EACCES) => why = error,
            _ => return error,
        }
    }
    why
}

/// Nothing of this process is held by the command's directory.
pub(super) fn leave_directory() -> io::Result<()> {
    rustix::process::chdir("/")?;
    Ok(())
}
