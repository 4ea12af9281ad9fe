//! zstd frames: on their own, against an earlier content, against a dictionary; and back.
//!
//! Does not: decide which pays, or know what is in them.

use std::cell::RefCell;

use zstd::zstd_safe::{CCtx, CDict, CParameter, DCtx, compress_bound};

use super::Level;

thread_local! {
    /// Making a context costs more than compressing a small file with it.
    static COMPRESSOR: RefCell<Option<(i32, CCtx<'static>)>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<DCtx<'static>>> = const { RefCell::new(None) };
}

/// Begins a dictionary that zstd made. Content that happens to begin so must not be read as one.
const DICTIONARY_MAGIC: [u8; 4] = [0x37, 0xa4, 0x30, 0xec];

/// A zstd frame with checksum and size; `None` where it would not be smaller.
pub(crate) fn compress(bytes: &[u8], level: Level) -> Option<Vec<u8>> {
    compress_at(bytes, level.zstd()?)
}

pub(crate) fn compress_at(bytes: &[u8], level: i32) -> Option<Vec<u8>> {
    if bytes.len() < 32 {
        return None;
    }
    frame_of(bytes, level).filter(|frame| frame.len() + frame.len() / 32 < bytes.len())
}

/// A zstd frame with checksum and size, however long.
pub(super) fn frame_of(bytes: &[u8], level: i32) -> Option<Vec<u8>> {
    COMPRESSOR
        .with_borrow_mut(|slot| {
            let (_, context) = match slot.take_if(|(at, _)| *at != level) {
                Some(_) | None => slot.get_or_insert_with(|| (level, compressor(level))),
            };
            let mut out = Vec::with_capacity(compress_bound(bytes.len()));
            context.compress2(&mut out, bytes).ok()?;
            Some(out)
        })
        .map(|mut out| {
            out.shrink_to_fit();
            out
        })
}

fn compressor(level: i32) -> CCtx<'static> {
    let mut context = CCtx::create();
    configure(&mut context, &[CParameter::CompressionLevel(level)]);
    context
}

fn configure(context: &mut CCtx<'_>, extra: &[CParameter]) {
    let all = [
        CParameter::ChecksumFlag(true),
        CParameter::ContentSizeFlag(true),
    ];
    for parameter in all.iter().chain(extra) {
        context
            .set_parameter(*parameter)
            .expect("zstd knows these parameters and accepts these values");
    }
}

/// A frame against a dictionary that was prepared once for many contents. It decodes like a delta.
pub(crate) fn compress_with(bytes: &[u8], dictionary: &CDict<'_>) -> Option<Vec<u8>> {
    let mut context = CCtx::create();
    configure(&mut context, &[]);
    context.ref_cdict(dictionary).ok()?;
    let mut out = Vec::with_capacity(compress_bound(bytes.len()));
    context.compress2(&mut out, bytes).ok()?;
    Some(out)
}

/// A frame that needs `base` as its prefix. The checksum is what tells a wrong base.
pub(super) fn delta(bytes: &[u8], base: &[u8]) -> Option<Vec<u8>> {
    let mut context = CCtx::create();
    let span = bytes.len() + base.len();
    // Long-distance matching finds the long run in the base even where lines look alike and a nearer,
    // shorter match lures; below a window as long as both, it would not see the base at all.
    let window = span.next_power_of_two().trailing_zeros().max(10);
    let long = CParameter::EnableLongDistanceMatching(true);
    let level = CParameter::CompressionLevel(3);
    configure(&mut context, &[level, long, CParameter::WindowLog(window)]);
    context.ref_prefix(base).ok()?;
    let mut out = Vec::with_capacity(compress_bound(bytes.len()));
    context.compress2(&mut out, bytes).ok()?;
    out.shrink_to_fit();
    Some(out)
}

/// Decodes a full frame of exactly `size` plain bytes.
pub(crate) fn decompress(data: &[u8], size: usize) -> Option<Vec<u8>> {
    DECOMPRESSOR.with_borrow_mut(|slot| {
        let context = slot.get_or_insert_with(DCtx::create);
        let mut out = Vec::with_capacity(size);
        context.decompress(&mut out, data).ok()?;
        (out.len() == size).then_some(out)
    })
}

/// Decodes a frame that was made against `base`. The thread's context serves again, because making one
/// costs more than decoding a small delta.
pub(super) fn decompress_against(data: &[u8], size: usize, base: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(size);
    if base.starts_with(&DICTIONARY_MAGIC) {
        let mut context = DCtx::create();
        context.ref_prefix(base).ok()?;
        context.decompress(&mut out, data).ok()?;
    } else {
        DECOMPRESSOR.with_borrow_mut(|slot| {
            let context = slot.get_or_insert_with(DCtx::create);
            context.decompress_using_dict(&mut out, data, base).ok()
        })?;
    }
    (out.len() == size).then_some(out)
}
