//! A chunked content as a stream, a chunk at a time.
//!
//! Does: tell at its end at the latest that it is not what it should be.
//! Does not: hold more than one chunk.

use std::io::{self, Cursor, Read};
use std::sync::Arc;

use aft_model::ContentId;

use super::{Content, corrupt, find};
use crate::error::ReadError;
use crate::reader::Reader;
use crate::records::ChunkListV1;

/// A chunked content as a stream.
pub struct ContentReader {
    reader: Reader,
    id: ContentId,
    chunks: std::vec::IntoIter<([u8; 32], u32)>,
    current: Cursor<Arc<[u8]>>,
    hash: blake3::Hasher,
    ended: bool,
    pub(super) failure: Option<ReadError>,
}

impl ContentReader {
    pub(in crate::reader) fn new(reader: Reader, id: ContentId, list: ChunkListV1) -> Self {
        Self {
            reader,
            id,
            chunks: list.chunks.into_iter(),
            current: Cursor::new(Arc::from([])),
            hash: blake3::Hasher::new(),
            ended: false,
            failure: None,
        }
    }

    fn fail(&mut self, error: ReadError) -> io::Error {
        let text = error.to_string();
        self.failure = Some(error);
        io::Error::new(io::ErrorKind::InvalidData, text)
    }

    /// Loads the next chunk; `false` at the verified end.
    fn advance(&mut self) -> io::Result<bool> {
        let Some((id, len)) = self.chunks.next() else {
            if !self.ended && *self.hash.finalize().as_bytes() != self.id.0 {
                let error = corrupt(&self.id, "its chunks do not hash to its id");
                return Err(self.fail(error));
            }
            self.ended = true;
            return Ok(false);
        };
        let id = ContentId(id);
        let chunk = match find(&self.reader.shared, &id) {
            Ok(Content::Whole(cached)) if cached.bytes.len() as u64 == u64::from(len) => {
                cached.bytes
            }
            Ok(_) => {
                let error = corrupt(&self.id, "a chunk has another length");
                return Err(self.fail(error));
            }
            // The whole is what the caller asked for, and it cannot be had.
            Err(error) => {
                let error = corrupt(&self.id, &error.to_string());
                return Err(self.fail(error));
            }
        };
        self.hash.update(&chunk);
        self.current = Cursor::new(chunk);
        Ok(true)
    }
}

impl Read for ContentReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.current.read(buf)?;
            if read > 0 || buf.is_empty() || !self.advance()? {
                return Ok(read);
            }
        }
    }
}
