//! What a plan came upon that nobody had planned, on its way into the store.
//!
//! Does: store its contents and wait until they are durable, because what is in the workspace goes only then.
//! Does not: make an operation of it; the engine does.

use std::io;

use aft_apply::{Found, LateSink};
use aft_model::{Change, ContentId, FileState, RelPath};
use crossbeam_channel::Sender;

use super::super::sink::Sink;
use super::super::writer::Order;
use super::{BeforeWaiting, Runner};
use crate::capture::ContentSink;

impl Runner {
    pub(crate) fn late(&self) -> Late<'_> {
        Late {
            sink: &self.sink,
            writer: &self.writer,
            before_waiting: &self.before_waiting,
            found: Vec::new(),
        }
    }
}

/// Keeps what others saved while a plan was carried out, durably, before it moves any further.
pub(crate) struct Late<'a> {
    pub(crate) sink: &'a Sink,
    pub(crate) writer: &'a Sender<Order>,
    pub(crate) before_waiting: &'a BeforeWaiting,
    /// What was found, path by path.
    pub(crate) found: Vec<Change>,
}

impl LateSink for Late<'_> {
    fn late(&mut self, path: &RelPath, found: Found<'_>) -> io::Result<()> {
        let after = match found {
            Found::File { bytes, mode } => {
                let (content, size) = self.sink.put_stream(path, bytes, None)?;
                FileState::File {
                    content,
                    size,
                    mode,
                }
            }
            Found::Symlink { target } => {
                let id = ContentId(*blake3::hash(target).as_bytes());
                self.sink.put(path, id, target.to_vec(), None)?;
                FileState::Symlink { target: id }
            }
        };
        self.found.push(Change {
            path: path.clone(),
            before: FileState::Absent,
            after,
            renamed_from: None,
        });
        self.flush()
    }
}

impl Late<'_> {
    /// Makes everything given to the writer so far durable, and readable.
    pub(crate) fn flush(&self) -> io::Result<()> {
        let (tell, told) = crossbeam_channel::bounded(1);
        let flush = Order::Flush(Box::new(move |durable| drop(tell.send(durable))));
        self.writer
            .send(flush)
            .map_err(|_| io::Error::other("the writer has ended"))?;
        (self.before_waiting)();
        match told.recv() {
            Ok(Ok(())) => Ok(()),
            _ => Err(io::Error::other("what was found could not be made durable")),
        }
    }
}
