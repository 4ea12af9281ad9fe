//! The thread that drains the kernel's queue (I3): read, decode, hand over, and nothing else.

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use aft_model::RelPath;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{Event, ReadFlags, Reader};
use rustix::io::Errno;

use super::super::index::WatchIndex;
use super::super::{Signal, SignalKind, SignalSink};
use super::Shared;
use super::cookies::Cookies;

/// Room for some 8 000 events: half the kernel's queue in one call.
const BUFFER_LEN: usize = 256 * 1024;

/// How far back a repeated write is looked for; writers of a few files take turns.
const LOOK_BACK: usize = 8;

/// After events the queue is left alone for so long, unless a fence waits. Waking this thread and those behind it
/// for every event would take more of the processor from whoever writes than the writes do.
const REST: Duration = Duration::from_millis(1);

/// Everything the thread needs.
pub(super) struct Drain {
    pub(super) shared: Arc<Shared>,
    pub(super) stop: Arc<OwnedFd>,
    pub(super) sink: Arc<dyn SignalSink>,
}

impl Drain {
    /// Runs until `stop` is written to, or the queue cannot be read any more.
    pub(super) fn run(self) {
        let mut buffer = vec![MaybeUninit::uninit(); BUFFER_LEN];
        loop {
            let mut ready = [
                PollFd::new(&self.shared.queue, PollFlags::IN),
                PollFd::new(&*self.stop, PollFlags::IN),
            ];
            match poll(&mut ready, None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return self.give_up(error),
            }
            let [queue, stop] = &ready;
            if !stop.revents().is_empty() {
                return;
            }
            if queue.revents().is_empty() {
                continue;
            }
            match self.take_batch(&mut buffer) {
                Ok(true) => self.rest(),
                Ok(false) => {}
                Err(error) => return self.give_up(error),
            }
        }
    }

    /// Lets events gather, unless somebody waits for a cookie or the watcher ends.
    fn rest(&self) {
        let mut ready = [
            PollFd::new(&self.shared.hurry, PollFlags::IN),
            PollFd::new(&*self.stop, PollFlags::IN),
        ];
        let rest = Timespec {
            tv_sec: 0,
            tv_nsec: i64::from(REST.subsec_nanos()),
        };
        // Whatever ends the rest, the next turn of the loop finds what there is.
        if poll(&mut ready, Some(&rest)).is_ok_and(|count| count > 0) {
            // Empty where only the end was told.
            let mut counter = [0; 8];
            // Empty where only the end was told; then nothing is to be reset.
            if let Err(error) = rustix::io::read(&self.shared.hurry, &mut counter)
                && error != Errno::AGAIN
            {
                tracing::debug!(%error, "the counter of waiting fences cannot be read");
            }
        }
    }

    /// One read, one batch. True where it told more than cookies.
    fn take_batch(&self, buffer: &mut [MaybeUninit<u8>]) -> Result<bool, Errno> {
        let mut reader = Reader::new(&self.shared.queue, buffer);
        let mut batch = Vec::new();
        {
            let first = match reader.next() {
                Ok(event) => event,
                Err(Errno::AGAIN | Errno::INTR) => return Ok(false),
                Err(error) => return Err(error),
            };
            let mut index = self.shared.index.lock();
            let decode = Decode {
                cookies: &self.shared.cookies,
            };
            decode.event(&first, &mut index, &mut batch);
            while !reader.is_buffer_empty() {
                decode.event(&reader.next()?, &mut index, &mut batch);
            }
        }
        if batch.contains(&Signal::Overflow) {
            self.shared.cookies.give_up();
        }
        let is_busy = batch
            .iter()
            .any(|signal| !matches!(signal, Signal::Cookie(_)));
        if !batch.is_empty() {
            self.sink.push(batch);
        }
        Ok(is_busy)
    }

    /// Without the queue nothing is known: the next cookie will not come, so that every fence rescans.
    fn give_up(&self, error: Errno) {
        tracing::error!(%error, "the watch queue cannot be read any more");
        self.sink.push(vec![Signal::Overflow]);
    }
}

struct Decode<'a> {
    cookies: &'a Cookies,
}

impl Decode<'_> {
    fn event(&self, event: &Event<'_>, index: &mut WatchIndex, batch: &mut Vec<Signal>) {
        let flags = event.events();
        if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
            batch.push(Signal::Overflow);
            return;
        }
        if event.wd() == self.cookies.dir_wd() {
            let number = event
                .file_name()
                .and_then(|name| name.to_str().ok()?.parse().ok());
            batch.extend(number.map(Signal::Cookie));
            return;
        }
        let Some(dir) = index.path(event.wd()) else {
            batch.extend(self.cookies.take(event.wd()).map(Signal::Cookie));
            return;
        };
        match event.file_name() {
            Some(name) => {
                // A name no path can have cannot come from the kernel.
                let path = dir.join(name.to_bytes()).ok();
                let kind = kind_of(flags, event.cookie());
                if let Some((path, kind)) = path.zip(kind) {
                    push(path, kind, batch);
                }
            }
            None => of_itself(flags, event.wd(), index, batch),
        }
    }
}

/// An event about the watched directory itself. The watch of its parent tells the rest.
fn of_itself(flags: ReadFlags, wd: i32, index: &mut WatchIndex, batch: &mut Vec<Signal>) {
    let is_root = index.path(wd).is_some_and(RelPath::is_root);
    let gone = ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::UNMOUNT;
    if is_root && flags.intersects(gone) {
        batch.push(Signal::RootGone);
    } else if is_root && flags.contains(ReadFlags::ATTRIB) {
        push(RelPath::root(), SignalKind::Attributes, batch);
    } else if flags.contains(ReadFlags::UNMOUNT) {
        batch.extend(index.path(wd).cloned().map(Signal::WatchLost));
    }
    if flags.contains(ReadFlags::IGNORED) {
        index.remove(wd);
    }
}

fn kind_of(flags: ReadFlags, pair: u32) -> Option<SignalKind> {
    let dir = flags.contains(ReadFlags::ISDIR);
    Some(if flags.contains(ReadFlags::CREATE) {
        SignalKind::Created { dir }
    } else if flags.contains(ReadFlags::DELETE) {
        SignalKind::Removed { dir }
    } else if flags.contains(ReadFlags::MOVED_FROM) {
        SignalKind::MovedFrom { pair, dir }
    } else if flags.contains(ReadFlags::MOVED_TO) {
        SignalKind::MovedTo { pair, dir }
    } else if flags.contains(ReadFlags::CLOSE_WRITE) {
        SignalKind::Closed
    } else if flags.contains(ReadFlags::MODIFY) {
        SignalKind::Modified
    } else if flags.contains(ReadFlags::ATTRIB) {
        SignalKind::Attributes
    } else {
        return None;
    })
}

/// A write that follows a write of the same file in the same batch, with nothing else about it between, says nothing
/// new.
fn push(path: RelPath, kind: SignalKind, batch: &mut Vec<Signal>) {
    if kind == SignalKind::Modified {
        let last = batch
            .iter()
            .rev()
            .take(LOOK_BACK)
            .find_map(|signal| match signal {
                Signal::Changed { path: other, kind } if *other == path => Some(*kind),
                // The second write may come after the cookie, and must then be told after it.
                Signal::Cookie(_) | Signal::Overflow => Some(SignalKind::Closed),
                _ => None,
            });
        if last == Some(SignalKind::Modified) {
            return;
        }
    }
    batch.push(Signal::Changed { path, kind });
}
