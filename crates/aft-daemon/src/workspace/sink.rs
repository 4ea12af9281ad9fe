//! Where captured content goes: compressed by whoever captured it, then to the writer in order.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aft_model::{ContentId, RelPath};
use aft_store::{Level, Reader};
use crossbeam_channel::Sender;
use tracing::trace;

use super::contents::Recent;
use super::writer::Order;
use crate::capture::ContentSink;

/// The capture workers' end.
#[derive(Clone)]
pub(crate) struct Sink {
    reader: Reader,
    writer: Sender<Order>,
    recent: Recent,
    baseline: Arc<AtomicBool>,
}

impl Sink {
    pub(crate) fn new(reader: Reader, writer: Sender<Order>, recent: Recent) -> Self {
        Self {
            reader,
            writer,
            recent,
            baseline: Arc::new(AtomicBool::new(false)),
        }
    }

    /// During a baseline content is stored fast and made smaller later.
    pub(crate) fn set_baseline(&self, baseline: bool) {
        self.baseline.store(baseline, Ordering::Relaxed);
    }

    fn send(&self, prepared: aft_store::Prepared) -> io::Result<()> {
        self.writer
            .send(Order::Content(prepared))
            .map_err(|_| io::Error::other("the writer has ended"))
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
        let baseline = self.baseline.load(Ordering::Relaxed);
        let held = self.reader.contains(&id).unwrap_or(false);
        if held && baseline {
            return Ok(());
        }
        let bytes: Arc<[u8]> = Arc::from(bytes);
        if !baseline {
            self.recent.put(id, &bytes);
        }
        if held {
            return Ok(());
        }
        let level = if baseline { Level::Fast } else { Level::Normal };
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
        self.send(aft_store::prepare(&bytes, base.as_ref(), level))
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
