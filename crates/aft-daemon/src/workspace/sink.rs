//! Where captured content goes: compressed by whoever captured it, then to the writer in order.

use std::collections::HashSet;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use aft_model::{ContentId, RelPath};
use aft_store::{Level, Reader};
use crossbeam_channel::Sender;
use parking_lot::Mutex;
use tracing::trace;

use super::contents::Recent;
use super::shared::Shared;
use super::writer::Order;
use crate::capture::ContentSink;

/// Of a first scan so much is stored without being compressed.
const PLAIN_MAX: u64 = 64 << 20;
/// With fewer bytes on their way to it, the writer keeps up.
const KEEPS_UP: u64 = 1 << 20;

/// The capture workers' end.
#[derive(Clone)]
pub(crate) struct Sink {
    reader: Reader,
    writer: Sender<Order>,
    recent: Recent,
    baseline: Arc<Baseline>,
    shared: Arc<Shared>,
}

/// What is special while a whole tree is captured for the first time.
#[derive(Default)]
struct Baseline {
    runs: AtomicBool,
    /// Bytes captured since it began.
    plain: AtomicU64,
    /// What was sent since it began, where the store held nothing before: then this answers for the index.
    sent: Mutex<Option<HashSet<ContentId>>>,
}

impl Sink {
    pub(crate) fn new(
        reader: Reader,
        writer: Sender<Order>,
        recent: Recent,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            reader,
            writer,
            recent,
            shared,
            baseline: Arc::default(),
        }
    }

    /// During a baseline content is stored fast and made smaller later.
    pub(crate) fn set_baseline(&self, baseline: bool) {
        let is_empty = baseline && self.reader.holds_contents().is_ok_and(|holds| !holds);
        *self.baseline.sent.lock() = is_empty.then(HashSet::new);
        self.baseline.plain.store(0, Ordering::Relaxed);
        self.baseline.runs.store(baseline, Ordering::Relaxed);
    }

    /// The bytes of a content that was captured before; `None` where they are not at hand.
    pub(crate) fn read(&self, id: &ContentId) -> Option<Vec<u8>> {
        match self.recent.get(id) {
            Some(bytes) => Some(bytes.to_vec()),
            None => self
                .reader
                .read_content(id)
                .ok()
                .map(|bytes| bytes.to_vec()),
        }
    }

    fn is_held(&self, id: &ContentId) -> bool {
        match &*self.baseline.sent.lock() {
            Some(sent) => sent.contains(id),
            None => self.reader.contains(id).unwrap_or(false),
        }
    }

    /// What a first scan stores is compressed anyway later. So a tree of common size is stored as it is while the
    /// writer keeps up, and is there sooner; a large one waits for the disk, and fewer bytes are less to wait for.
    fn baseline_level(&self, len: usize) -> Level {
        let plain = self.baseline.plain.fetch_add(len as u64, Ordering::Relaxed);
        if plain < PLAIN_MAX && self.shared.room.used() < KEEPS_UP {
            Level::None
        } else {
            Level::Fast
        }
    }

    /// Refuses while the store does and enough is held back for it.
    fn check(&self) -> io::Result<()> {
        if self.shared.takes_contents() {
            Ok(())
        } else {
            Err(io::ErrorKind::StorageFull.into())
        }
    }

    /// Gives a content to the writer, when there is room for it.
    pub(crate) fn send(&self, prepared: aft_store::Prepared) -> io::Result<()> {
        self.check()?;
        if !self.shared.space.admits(prepared.stored_len()) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.shared.room.take(prepared.stored_len());
        self.writer.send(Order::Content(prepared)).map_err(|_| {
            // Nobody will take contents any more, so nobody need look again.
            self.shared.held_back.store(u64::MAX, Ordering::Release);
            io::Error::other("the writer has ended")
        })
    }
}

impl ContentSink for Sink {
    fn put(
        &self,
        path: &RelPath,
        id: ContentId,
        bytes: Vec<u8>,
        predecessor: Option<ContentId>,
    ) -> io::Result<()> {
        let baseline = self.baseline.runs.load(Ordering::Relaxed);
        let held = self.is_held(&id);
        if held && baseline {
            return Ok(());
        }
        if !held {
            // Before the bytes are compressed, which would be for nothing.
            self.check()?;
        }
        let bytes: Arc<[u8]> = Arc::from(bytes);
        if !baseline {
            self.recent.put(id, &bytes);
        }
        if held {
            return Ok(());
        }
        let level = if baseline {
            self.baseline_level(bytes.len())
        } else {
            Level::Normal
        };
        let base = predecessor.and_then(|base| self.reader.base_for(&base));
        if let Some(base) = &base {
            self.recent.put(base.id, &base.bytes);
        }
        trace!(
            ?path,
            bytes = bytes.len(),
            delta = base.is_some(),
            "content"
        );
        self.send(aft_store::prepare_known(id, &bytes, base.as_ref(), level))?;
        if let Some(sent) = &mut *self.baseline.sent.lock() {
            sent.insert(id);
        }
        Ok(())
    }

    fn put_stream(
        &self,
        _path: &RelPath,
        source: &mut dyn Read,
        _predecessor: Option<ContentId>,
    ) -> io::Result<(ContentId, u64)> {
        let prepared =
            aft_store::prepare_stream(source, Level::Fast, &mut |chunk| self.send(chunk))?;
        let found = (prepared.id(), prepared.size());
        self.send(prepared)?;
        Ok(found)
    }
}
