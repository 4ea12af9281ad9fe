//! Memory for answers that were not sent yet: one budget over all connections, and a share of it for each.
//!
//! Does: let a request that may have a long answer wait until there is room for one, before anything is read for it; give
//! the room back when the answer is written or its connection is gone.
//! Does not: write, or know how long an answer will be; what a method may answer at most is in its table.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// KiB of answers over all connections.
const ALL_KIB: usize = 48 * 1024;
/// After so many bytes the rest of a batch is refused: what is left of the share has room for the longest answer.
pub(crate) const BATCH_MAX: usize = 4 << 20;
/// Of those, what one connection may hold: whoever never reads keeps nobody else waiting.
const EACH_KIB: usize = 20 * 1024;

/// KiB that an answer may take at most, told roughly; `None` where it is small. A request that would have to wait for
/// others to be read must not be one that changes something.
fn kib_max(method: &str) -> Option<u32> {
    match method {
        "diff" | "operation.show" | "session.show" | "blame" => Some(16 * 1024),
        "file.read" => Some(6 * 1024),
        "tree.list" | "history.list" | "file.history" | "milestone.show" | "daemon.logs"
        | "rollback.plan" => Some(2 * 1024),
        _ => None,
    }
}

/// The budget.
#[derive(Clone, Debug)]
pub(crate) struct Unsent(Arc<Semaphore>);

impl Default for Unsent {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ALL_KIB)))
    }
}

/// One connection's share.
#[derive(Debug)]
pub(crate) struct Share {
    all: Unsent,
    own: Arc<Semaphore>,
}

/// Room that is taken; it is given back when this goes.
#[derive(Debug, Default)]
pub(crate) struct Taken(Vec<OwnedSemaphorePermit>);

impl Share {
    pub(crate) fn of(all: &Unsent) -> Self {
        Self {
            all: all.clone(),
            own: Arc::new(Semaphore::new(EACH_KIB)),
        }
    }

    /// Waits for room for the longest answer that the method gives.
    pub(crate) async fn take(&self, method: &str) -> Taken {
        let mut taken = Taken::default();
        let Some(kib) = kib_max(method) else {
            return taken;
        };
        // Its own first: who waits for itself takes nothing from the others.
        for semaphore in [&self.own, &self.all.0] {
            // Neither is ever closed.
            taken
                .0
                .extend(Arc::clone(semaphore).acquire_many_owned(kib).await);
        }
        taken
    }
}

impl Taken {
    /// Holds both.
    pub(crate) fn join(&mut self, mut other: Self) {
        if self.0.is_empty() {
            *self = other;
            return;
        }
        for (permit, more) in self.0.iter_mut().zip(other.0.drain(..)) {
            permit.merge(more);
        }
    }

    /// The answer has so many bytes: the rest is for others.
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        let kib = bytes.div_ceil(1024);
        for permit in &mut self.0 {
            drop(permit.split(permit.num_permits().saturating_sub(kib)));
        }
    }
}

/// A line on its way out, and the room it takes.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) bytes: Vec<u8>,
    /// Given back with the line.
    _taken: Taken,
}

/// Where lines of a connection are put.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing(mpsc::Sender<Line>);

/// The connection is gone, or has no room.
#[derive(Debug)]
pub(crate) struct NotTaken;

impl Outgoing {
    pub(crate) fn with_room_for(lines: usize) -> (Self, mpsc::Receiver<Line>) {
        let (sender, receiver) = mpsc::channel(lines);
        (Self(sender), receiver)
    }

    /// Waits until there is room.
    pub(crate) async fn send(&self, bytes: Vec<u8>) -> Result<(), NotTaken> {
        self.send_holding(bytes, Taken::default()).await
    }

    /// As [`Self::send`]; the room is given back when the line was written.
    pub(crate) async fn send_holding(
        &self,
        bytes: Vec<u8>,
        mut taken: Taken,
    ) -> Result<(), NotTaken> {
        taken.shrink_to(bytes.len());
        let line = Line {
            bytes,
            _taken: taken,
        };
        self.0.send(line).await.map_err(|_| NotTaken)
    }

    /// At once or not at all.
    pub(crate) fn try_send(&self, bytes: Vec<u8>) -> Result<(), NotTaken> {
        let line = Line {
            bytes,
            _taken: Taken::default(),
        };
        self.0.try_send(line).map_err(|_| NotTaken)
    }

    /// Returns when nobody takes lines any more.
    pub(crate) async fn closed(&self) {
        self.0.closed().await;
    }

    /// True where nothing waits to be written.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.capacity() == self.0.max_capacity()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn now<T>(future: impl Future<Output = T>) -> Option<T> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async { tokio::time::timeout(Duration::ZERO, future).await.ok() })
    }

    #[test]
    fn a_connection_waits_for_itself_and_not_for_one_that_never_reads() {
        let all = Unsent::default();
        let (greedy, other) = (Share::of(&all), Share::of(&all));
        let mut held = now(greedy.take("diff")).expect("there is room");
        assert!(now(greedy.take("diff")).is_none(), "no room for another");
        assert!(now(other.take("diff")).is_some());
        assert!(now(greedy.take("sync")).is_some(), "small ones never wait");
        held.shrink_to(3000);
        assert!(now(greedy.take("diff")).is_some(), "it was short");
    }

    #[test]
    fn all_together_have_a_bound() {
        let all = Unsent::default();
        let shares: Vec<Share> = (0..4).map(|_| Share::of(&all)).collect();
        let held: Vec<_> = shares
            .iter()
            .map(|share| now(share.take("blame")))
            .collect();
        assert_eq!(held.iter().filter(|taken| taken.is_some()).count(), 3);
        drop(held);
        assert!(now(shares[3].take("blame")).is_some());
    }

    #[test]
    fn a_line_gives_its_room_back_when_it_was_written() {
        let all = Unsent::default();
        let share = Share::of(&all);
        let (outgoing, mut waiting) = Outgoing::with_room_for(2);
        let taken = now(share.take("diff")).expect("there is room");
        let sent = now(outgoing.send_holding(vec![0; 10 << 20], taken));
        assert!(matches!(sent, Some(Ok(()))));
        assert!(now(share.take("diff")).is_none() && !outgoing.is_empty());
        drop(waiting.try_recv().unwrap());
        assert!(now(share.take("diff")).is_some() && outgoing.is_empty());
    }
}
