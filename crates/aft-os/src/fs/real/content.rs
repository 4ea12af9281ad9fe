//! Writing a new file's bytes, with holes where long runs of zeros are.

use std::io::{self, Read};
use std::os::fd::OwnedFd;

use rustix::io::Errno;

/// Zeros are looked for in blocks of this length, aligned to the file's start, as a file system's holes are.
const BLOCK_LEN: usize = 4096;

/// Runs of zeros from 64 KiB on become holes. Such a run covers all but two of its blocks whole, wherever it begins.
const HOLE_LEN_MIN: u64 = 64 * 1024 - 2 * BLOCK_LEN as u64;

/// How much is read from a source at once; a multiple of the block length.
const PIECE_LEN: usize = 256 * 1024;

static ZEROS: [u8; BLOCK_LEN] = [0; BLOCK_LEN];

/// Writes all of `bytes` to the empty file `fd`.
pub(super) fn write(fd: &OwnedFd, bytes: &[u8]) -> io::Result<()> {
    let mut writer = HoleWriter::new(fd);
    writer.push(bytes)?;
    writer.finish()
}

/// Writes what `source` gives until it gives nothing.
pub(super) fn write_from(fd: &OwnedFd, source: &mut dyn Read) -> io::Result<()> {
    let mut writer = HoleWriter::new(fd);
    let mut piece = Vec::with_capacity(PIECE_LEN);
    loop {
        piece.clear();
        // Whole pieces keep the blocks aligned, however small the parts are that the source gives.
        (&mut *source)
            .take(PIECE_LEN as u64)
            .read_to_end(&mut piece)?;
        if piece.is_empty() {
            return writer.finish();
        }
        writer.push(&piece)?;
    }
}

struct HoleWriter<'fd> {
    fd: &'fd OwnedFd,
    /// Where the next byte belongs; everything before it but `zeros` is written.
    offset: u64,
    /// How many zeros lie before `offset` unwritten.
    zeros: u64,
}

impl<'fd> HoleWriter<'fd> {
    fn new(fd: &'fd OwnedFd) -> Self {
        Self {
            fd,
            offset: 0,
            zeros: 0,
        }
    }

    /// Takes the next bytes. All but the last call must give a multiple of the block length.
    fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.zeros == 0 && (bytes.len() as u64) < HOLE_LEN_MIN {
            return self.put(bytes);
        }
        // `data` is what is not zero since the last zero block, so that one call writes all of it.
        let mut data = 0..0;
        let mut at = 0;
        for block in bytes.chunks(BLOCK_LEN) {
            let end = at + block.len();
            if ZEROS.get(..block.len()) == Some(block) {
                self.put(bytes.get(data).unwrap_or(&[]))?;
                self.zeros += block.len() as u64;
                self.offset += block.len() as u64;
                data = end..end;
            } else {
                self.settle_zeros()?;
                data.end = end;
            }
            at = end;
        }
        self.put(bytes.get(data).unwrap_or(&[]))
    }

    /// Zeros that are too few for a hole are written after all; others are skipped.
    fn settle_zeros(&mut self) -> io::Result<()> {
        if self.zeros < HOLE_LEN_MIN {
            let mut at = self.offset - self.zeros;
            while at < self.offset {
                let len = usize::try_from(self.offset - at)
                    .unwrap_or(usize::MAX)
                    .min(BLOCK_LEN);
                write_at(self.fd, ZEROS.get(..len).unwrap_or(&[]), at)?;
                at += len as u64;
            }
        }
        self.zeros = 0;
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        write_at(self.fd, bytes, self.offset)?;
        self.offset += bytes.len() as u64;
        Ok(())
    }

    fn finish(mut self) -> io::Result<()> {
        if self.zeros >= HOLE_LEN_MIN {
            return Ok(rustix::fs::ftruncate(self.fd, self.offset)?);
        }
        self.settle_zeros()
    }
}

fn write_at(fd: &OwnedFd, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::pwrite(fd, bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                bytes = bytes.get(written..).unwrap_or(&[]);
                offset += written as u64;
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
