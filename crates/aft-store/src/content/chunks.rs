//! Large contents: cut where the content itself says (FastCDC), so that an insertion at the front
//! of a log or a database leaves most chunks as they were.
//!
//! Does: cut a slice or a stream and prepare each chunk. A stream is never in memory whole.
//! Does not: put chunks anywhere; the caller's sink does.

use std::io::{self, Read};

use aft_model::ContentId;
use fastcdc::v2020::{FastCDC, StreamCDC};

use super::{Level, Prepared, prepare_whole};
use crate::frame::Kind;
use crate::records::{self, ChunkListV1};

const CHUNK_MIN: usize = 64 * 1024;
const CHUNK_AVERAGE: usize = 256 * 1024;
const CHUNK_MAX: usize = 1024 * 1024;
/// Chunks whose list still fits a record: about 25 GiB of content.
const CHUNKS_MAX: usize = 100_000;

fn chunk_id(bytes: &[u8]) -> ContentId {
    ContentId(*blake3::hash(bytes).as_bytes())
}

/// Cuts `bytes`, whose identity is `id`.
pub(super) fn prepare_chunked(id: ContentId, bytes: &[u8], level: Level) -> Prepared {
    let mut chunks = Vec::new();
    for chunk in FastCDC::new(bytes, CHUNK_MIN, CHUNK_AVERAGE, CHUNK_MAX) {
        let part = bytes
            .get(chunk.offset..chunk.offset + chunk.length)
            .unwrap_or(&[]);
        chunks.push(prepare_whole(chunk_id(part), part, None, level));
    }
    let entries = chunks.iter().map(entry).collect();
    let mut list = chunk_list(id, bytes.len() as u64, entries);
    list.chunks = chunks;
    list
}

fn entry(chunk: &Prepared) -> ([u8; 32], u32) {
    let len = u32::try_from(chunk.size).expect("a chunk is at most 1 MiB");
    (chunk.id.0, len)
}

fn chunk_list(id: ContentId, size: u64, chunks: Vec<([u8; 32], u32)>) -> Prepared {
    let mut payload = id.0.to_vec();
    payload.extend_from_slice(&records::encode(&ChunkListV1 { size, chunks }));
    Prepared {
        id,
        size,
        kind: Kind::ChunkList,
        payload,
        hasty: false,
        chunks: Vec::new(),
    }
}

/// Reads `source` to its end, hands each prepared chunk to `sink`, and answers with what stands for
/// the whole and must be put after them. At most a few MiB are in memory at a time.
///
/// # Errors
/// Whatever `source` or `sink` report, and `FileTooLarge` above 100 000 chunks.
pub fn prepare_stream(
    source: impl Read,
    level: Level,
    sink: &mut dyn FnMut(Prepared) -> io::Result<()>,
) -> io::Result<Prepared> {
    let mut whole = blake3::Hasher::new();
    let mut size = 0_u64;
    let mut entries = Vec::new();
    for chunk in StreamCDC::new(source, CHUNK_MIN, CHUNK_AVERAGE, CHUNK_MAX) {
        let bytes = chunk.map_err(io::Error::from)?.data;
        whole.update(&bytes);
        size += bytes.len() as u64;
        let chunk = prepare_whole(chunk_id(&bytes), &bytes, None, level);
        if entries.len() == CHUNKS_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        entries.push(entry(&chunk));
        sink(chunk)?;
    }
    let id = ContentId(*whole.finalize().as_bytes());
    Ok(chunk_list(id, size, entries))
}
