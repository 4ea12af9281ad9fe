//! Starting a process that outlives this one and owes it nothing.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::fs::{CWD, Mode, OFlags};

/// Starts `exe` as a process session of its own and returns its process id. Standard input is empty, output goes to
/// the end of `log_file`, the working directory is `/`, no other descriptor is inherited, and the variables of
/// `env_remove` are not either. It is nobody's child here, so nobody has to wait for it.
///
/// # Errors
/// `exe` cannot be run, the log cannot be opened, or no process can be made.
pub fn spawn_detached(
    exe: &Path,
    args: &[OsString],
    log_file: &Path,
    env_remove: &[&str],
) -> io::Result<u32> {
    let flags =
        OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let log = File::from(rustix::fs::openat(
        CWD,
        log_file,
        flags,
        Mode::from_raw_mode(0o600),
    )?);
    // The process that runs `exe` is made by the child, which tells its number here.
    let (mut told, tell) = io::pipe()?;
    let mut command = new_command(exe);
    command.args(args).current_dir("/");
    command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    for name in env_remove {
        command.env_remove(name);
    }
    detach_before_exec(&mut command, tell.as_raw_fd());
    // An error of the exec comes back through a pipe that the grandchild keeps open until it succeeds.
    let mut middle = command.spawn()?;
    drop(tell);
    middle.wait()?;
    let mut pid = [0; 4];
    told.read_exact(&mut pid)?;
    Ok(u32::from_ne_bytes(pid))
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the home of starting processes"
)]
fn new_command(exe: &Path) -> Command {
    Command::new(exe)
}

#[expect(
    unsafe_code,
    reason = "what happens between fork and exec has no safe wrapper"
)]
fn detach_before_exec(command: &mut Command, tell: RawFd) {
    let detach = move || {
        // SAFETY: these calls are async-signal-safe, take no pointer but to a live array, and nothing allocates.
        unsafe {
            if libc::setsid() < 0 {
                return Err(io::Error::last_os_error());
            }
            // Marked rather than closed: the standard library reports a failed exec through one of them.
            if libc::close_range(3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC as i32) != 0 {
                mark_one_by_one();
            }
            match libc::fork() {
                -1 => Err(io::Error::last_os_error()),
                // Not the leader of its session, so that no terminal it opens becomes its own.
                0 => Ok(()),
                pid => {
                    let bytes = pid.to_ne_bytes();
                    let written = libc::write(tell, bytes.as_ptr().cast(), bytes.len());
                    libc::_exit(i32::from(written != 4));
                }
            }
        }
    };
    // SAFETY: the closure does nothing that is forbidden between fork and exec, as said inside.
    unsafe { command.pre_exec(detach) };
}

/// Before Linux 5.9. Beyond the usual limit nothing of ours is open without the mark.
#[expect(
    unsafe_code,
    reason = "called between fork and exec, where only plain system calls are allowed"
)]
fn mark_one_by_one() {
    for fd in 3..4096 {
        // SAFETY: takes no pointer; a number that is not open is an error without effect.
        unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
}
