//! Standard input of a hook: all of it, but not for ever and not without end.

use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

/// An agent that opens the pipe and says nothing more is not waited for.
const QUIET_MAX: Duration = Duration::from_secs(2);
/// What a tool writes comes along; more than this is no hook's JSON.
const INPUT_MAX: usize = 64 << 20;
const CHUNK: usize = 64 * 1024;

/// What comes until the end, until it is quiet for long, or until it is too much.
pub(super) fn read() -> Vec<u8> {
    let stdin = std::io::stdin();
    let stdin = stdin.as_fd();
    let mut input = Vec::new();
    let timeout = Timespec {
        tv_sec: i64::try_from(QUIET_MAX.as_secs()).unwrap_or(1),
        tv_nsec: 0,
    };
    let mut chunk = vec![0; CHUNK];
    while input.len() < INPUT_MAX {
        let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
        match rustix::event::poll(&mut fds, Some(&timeout)) {
            Ok(0) => break,
            Err(Errno::INTR) => continue,
            Ok(_) | Err(_) => {}
        }
        match rustix::io::read(stdin, chunk.as_mut_slice()) {
            Ok(0) => break,
            Ok(n_read) => input.extend_from_slice(chunk.get(..n_read).unwrap_or_default()),
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(_) => break,
        }
    }
    input
}
