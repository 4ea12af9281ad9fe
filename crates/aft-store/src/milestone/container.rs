//! The container: a magic, checked frames one after the other, and a sum over all of them at the end.
//!
//! Does: frame and check bytes, with every length bounded before memory is claimed for it.
//! Does not: know what is in a frame.

use std::io::{self, Write};

use aft_os::ReadAt;

use super::MilestoneError;
use crate::content::{compress_at, decompress};

/// First bytes of the file. Another digit is another format.
const MAGIC: &[u8; 8] = b"AFTMST1\n";
/// Kind, version, two bytes of nothing, length, checksum.
const HEAD_LEN: usize = 12;
/// Longest payload: a whole content of 4 MiB with its head, compressed or not, fits.
const PAYLOAD_MAX: usize = 4 * 1024 * 1024 + 128 * 1024;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Head = 1,
    /// Entries of the manifest.
    Manifest = 2,
    /// Operations since the milestone before.
    History = 3,
    /// Small contents.
    Pack = 4,
    /// Some bytes of a large content.
    Piece = 5,
    /// The sum over everything before it.
    End = 6,
}

impl Part {
    /// The version in which this kind is written, the newest that is known here.
    fn version(self) -> u8 {
        match self {
            // The first had one block of many contents, which had to be compressed again to be stored.
            Self::Pack => 2,
            Self::Head | Self::Manifest | Self::History | Self::Piece | Self::End => 1,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        let all = [
            Self::Head,
            Self::Manifest,
            Self::History,
            Self::Pack,
            Self::Piece,
            Self::End,
        ];
        all.into_iter().find(|part| *part as u8 == byte)
    }
}

/// Writes a container.
pub(super) struct Builder<W> {
    out: W,
    at: u64,
    sum: blake3::Hasher,
}

impl<W: Write> Builder<W> {
    pub(super) fn begin(out: W) -> Result<Self, MilestoneError> {
        let mut builder = Self {
            out,
            at: 0,
            sum: blake3::Hasher::new(),
        };
        builder.bytes(MAGIC)?;
        Ok(builder)
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), MilestoneError> {
        self.sum.update(bytes);
        self.at += bytes.len() as u64;
        let written = self.out.write_all(bytes);
        written.map_err(MilestoneError::io("write the file"))
    }

    pub(super) fn frame(&mut self, part: Part, payload: &[u8]) -> Result<(), MilestoneError> {
        let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        let head = head_of(self.at, part as u8, part.version(), len, payload);
        self.bytes(&head)?;
        self.bytes(payload)
    }

    /// Writes the end, and gives back what was written to and how many bytes there are.
    pub(super) fn end(mut self) -> Result<(W, u64), MilestoneError> {
        let sum = *self.sum.finalize().as_bytes();
        self.frame(Part::End, &sum)?;
        self.out
            .flush()
            .map_err(MilestoneError::io("write the file"))?;
        Ok((self.out, self.at))
    }
}

fn head_of(at: u64, part: u8, version: u8, len: u32, payload: &[u8]) -> [u8; HEAD_LEN] {
    let [a, b, c, d] = len.to_le_bytes();
    let crc = checksum(at, [part, version, 0, 0, a, b, c, d], payload);
    let [e, f, g, h] = crc.to_le_bytes();
    [part, version, 0, 0, a, b, c, d, e, f, g, h]
}

/// Over the frame's place too, so that one that was moved is no frame.
pub(super) fn checksum(at: u64, head: [u8; 8], payload: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&at.to_le_bytes());
    crc.update(&head);
    crc.update(payload);
    crc.finalize()
}

/// Reads a container frame by frame.
pub(super) struct Frames<'a> {
    file: &'a dyn ReadAt,
    len: u64,
    at: u64,
    /// Where it is wanted, over everything that was read.
    sum: Option<blake3::Hasher>,
    ended: bool,
}

/// A frame, checked.
pub(super) struct Frame {
    pub(super) part: Part,
    /// How its payload is written.
    pub(super) version: u8,
    pub(super) at: u64,
    pub(super) payload: Vec<u8>,
}

impl<'a> Frames<'a> {
    /// With `summed` the sum at the end is compared when it is reached.
    pub(super) fn open(file: &'a dyn ReadAt, summed: bool) -> Result<Self, MilestoneError> {
        let len = file.len().map_err(MilestoneError::io("read the file"))?;
        let mut magic = [0; 8];
        if len < magic.len() as u64 {
            return Err(MilestoneError::NotOne);
        }
        read_at(file, &mut magic, 0)?;
        if magic != *MAGIC {
            return Err(match magic.strip_prefix(b"AFTMST") {
                Some([digit @ b'2'..=b'9', b'\n']) => MilestoneError::Newer(digit - b'0'),
                _ => MilestoneError::NotOne,
            });
        }
        let sum = summed.then(|| {
            let mut sum = blake3::Hasher::new();
            sum.update(&magic);
            sum
        });
        Ok(Self {
            file,
            len,
            at: magic.len() as u64,
            sum,
            ended: false,
        })
    }

    /// The next frame; `None` behind the end.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, MilestoneError> {
        if self.ended {
            return Ok(None);
        }
        let at = self.at;
        let left = self.len - at;
        let mut head = [0; HEAD_LEN];
        if left < head.len() as u64 {
            return Err(MilestoneError::damaged(at, "it is cut short"));
        }
        read_at(self.file, &mut head, at)?;
        let [part, version, x, y, a, b, c, d, e, f, g, h] = head;
        let len = u32::from_le_bytes([a, b, c, d]) as usize;
        if len > PAYLOAD_MAX {
            return Err(MilestoneError::damaged(at, "a length is out of range"));
        }
        if left - (head.len() as u64) < len as u64 {
            return Err(MilestoneError::damaged(at, "it is cut short"));
        }
        let mut payload = vec![0; len];
        read_at(self.file, &mut payload, at + head.len() as u64)?;
        let crc = checksum(at, [part, version, x, y, a, b, c, d], &payload);
        if crc != u32::from_le_bytes([e, f, g, h]) {
            return Err(MilestoneError::damaged(at, "a checksum does not fit"));
        }
        let part = Part::from_byte(part)
            .ok_or_else(|| MilestoneError::damaged(at, "a part is of an unknown kind"))?;
        if version > part.version() {
            return Err(MilestoneError::Newer(version));
        }
        self.at += (head.len() + len) as u64;
        if part == Part::End {
            self.finish(at, &payload)?;
            return Ok(None);
        }
        if let Some(sum) = &mut self.sum {
            sum.update(&head).update(&payload);
        }
        Ok(Some(Frame {
            part,
            version,
            at,
            payload,
        }))
    }

    fn finish(&mut self, at: u64, payload: &[u8]) -> Result<(), MilestoneError> {
        self.ended = true;
        if payload.len() != blake3::OUT_LEN {
            return Err(MilestoneError::damaged(at, "its end is not well formed"));
        }
        if let Some(sum) = &self.sum
            && sum.finalize().as_bytes().as_slice() != payload
        {
            return Err(MilestoneError::damaged(at, "its sum does not fit"));
        }
        if self.at != self.len {
            return Err(MilestoneError::damaged(
                self.at,
                "something follows its end",
            ));
        }
        Ok(())
    }

    /// How far it was read.
    pub(super) fn at(&self) -> u64 {
        self.at
    }
}

fn read_at(file: &dyn ReadAt, buf: &mut [u8], at: u64) -> Result<(), MilestoneError> {
    match file.read_exact_at(buf, at) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(MilestoneError::damaged(at, "it is cut short"))
        }
        read => read.map_err(MilestoneError::io("read the file")),
    }
}

/// `plain` as a block: its length, then a zstd frame, or the bytes themselves where that is not smaller.
pub(super) fn block(plain: &[u8], level: i32) -> Vec<u8> {
    let packed = compress_at(plain, level);
    let bytes = packed.as_deref().unwrap_or(plain);
    let mut out = Vec::with_capacity(bytes.len() + 4);
    let len = u32::try_from(plain.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(bytes);
    out
}

/// The plain bytes of a block.
pub(super) fn plain(at: u64, block: &[u8]) -> Result<Vec<u8>, MilestoneError> {
    let wrong = |reason: &str| MilestoneError::damaged(at, reason);
    let (len, bytes) = block
        .split_first_chunk::<4>()
        .ok_or_else(|| wrong("a block is cut short"))?;
    let len = u32::from_le_bytes(*len) as usize;
    if len > PAYLOAD_MAX {
        return Err(wrong("a length is out of range"));
    }
    if len == bytes.len() {
        return Ok(bytes.to_vec());
    }
    decompress(bytes, len).ok_or_else(|| wrong("a block does not decompress"))
}
