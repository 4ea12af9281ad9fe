//! Looking at everything: integrity and figures.
//!
//! Does: walk all records, verify checksums, the chain, and with `read_data` every content.
//! Does not: mend.

use std::collections::BTreeMap;

use aft_model::ContentId;

use crate::chain::Chain;
use crate::entry::{Loc, LogState};
use crate::error::ReadError;
use crate::frame::{CrcSeed, Kind};
use crate::reader::Reader;
use crate::recover::{Damage, SegmentInfo, list_segments};
use crate::segment::{self, Walker};

/// What a check found.
#[derive(Clone, Debug, Default)]
pub struct CheckReport {
    /// Segments looked at.
    pub segments: u64,
    /// Intact records.
    pub records: u64,
    /// Contents decoded and hashed; 0 without `read_data`.
    pub contents: u64,
    /// Damaged places.
    pub damage: Vec<Damage>,
    /// Contents that cannot be served.
    pub bad_contents: Vec<ContentId>,
    /// The chain verified from the first record to the last.
    pub chain_ok: bool,
    /// Links in the chain.
    pub chain_len: u64,
}

impl CheckReport {
    /// True where nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.damage.is_empty() && self.bad_contents.is_empty() && self.chain_ok
    }
}

/// Figures about a store.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// Segment files.
    pub segments: u64,
    /// Bytes in segment files.
    pub segment_bytes: u64,
    /// Bytes in the index and its log.
    pub index_bytes: u64,
    /// Records and frame bytes by kind.
    pub by_kind: BTreeMap<Kind, (u64, u64)>,
    /// Entries that are not in the index yet.
    pub tail_len: u64,
}

impl Reader {
    /// Figures, without looking into the segments.
    ///
    /// # Errors
    /// [`ReadError::Io`].
    pub fn stats(&self) -> Result<Stats, ReadError> {
        let shared = self.shared();
        let mut stats = Stats::default();
        for name in shared.dir.list().map_err(ReadError::Io)? {
            let len = || -> std::io::Result<u64> { shared.dir.read(&name)?.len() };
            if segment::number_of(&name).is_some() {
                stats.segments += 1;
                stats.segment_bytes += len().map_err(ReadError::Io)?;
            } else if name.starts_with(crate::index::FILE) {
                stats.index_bytes += len().map_err(ReadError::Io)?;
            }
        }
        let counts = shared.state.read().counts.clone();
        stats.by_kind = counts
            .iter()
            .filter_map(|(kind, sums)| Some((Kind::from_byte(*kind)?, *sums)))
            .collect();
        stats.tail_len = shared.tail.read().len() as u64;
        Ok(stats)
    }

    /// Walks over everything that is published. May run beside the writer.
    ///
    /// # Errors
    /// A segment that cannot be read at all.
    pub fn check(&self, read_data: bool) -> Result<CheckReport, ReadError> {
        let shared = self.shared();
        // What is published now is looked at; the writer may append meanwhile.
        let until = shared.state.read().group;
        let mut checking = Checking {
            report: CheckReport {
                chain_ok: true,
                ..CheckReport::default()
            },
            chain: None,
            until,
        };
        let mut segments = list_segments(&*shared.dir).map_err(unreadable)?;
        self.leave_out_replaced(&mut segments)?;
        let last = segments.len().saturating_sub(1);
        for (at, info) in segments.iter().enumerate() {
            let bytes =
                segment::read_rest(&*shared.dir, info.number, info.start).map_err(unreadable)?;
            let walker = Walker {
                segment: info.number,
                seed: CrcSeed::new(&shared.store, info.number),
                bytes: &bytes,
                base: info.start,
                vouched_whole: at < last,
            };
            checking.report.segments += 1;
            if let Some(header) = &info.header {
                let start = Chain {
                    head: header.chain,
                    count: header.chain_count,
                };
                checking.begin(start);
            } else {
                checking.damage(info.number, 0, 0, "its header does not check");
            }
            let contents = checking.walk(&walker).map_err(unreadable)?;
            if read_data {
                checking.read_contents(self, &contents);
            }
        }
        let mut report = checking.report;
        report.chain_len = checking.chain.map_or(0, |chain| chain.count);
        Ok(report)
    }

    /// Of a segment and the one rewritten from it, keeps the one that the index points into.
    fn leave_out_replaced(&self, segments: &mut Vec<SegmentInfo>) -> Result<(), ReadError> {
        let pairs: Vec<(u32, u32)> = segments
            .iter()
            .filter_map(|info| info.header.as_ref())
            .flat_map(|header| header.replaces.iter().map(|old| (*old, header.segment)))
            .collect();
        for (old, new) in pairs {
            let moved = self.shared().index.is_moved(old)?;
            let obsolete = if moved { old } else { new };
            segments.retain(|info| info.number != obsolete);
        }
        Ok(())
    }

    /// Recomputes the hash chain from the first record; answers with its length, or `None` where it
    /// does not fit.
    ///
    /// # Errors
    /// A segment that cannot be read at all.
    pub fn verify_chain(&self) -> Result<Option<u64>, ReadError> {
        let report = self.check(false)?;
        Ok(report.chain_ok.then_some(report.chain_len))
    }
}

fn unreadable(error: crate::error::OpenError) -> ReadError {
    ReadError::corrupt("a segment", error.to_string())
}

struct Checking {
    report: CheckReport,
    chain: Option<Chain>,
    /// First group that is not looked at.
    until: u64,
}

impl Checking {
    /// A segment's header must continue the chain.
    fn begin(&mut self, start: Chain) {
        if self.chain.is_some_and(|chain| chain != start) {
            self.report.chain_ok = false;
        }
        self.chain = Some(start);
    }

    fn damage(&mut self, segment: u32, start: u64, end: u64, reason: &str) {
        self.report.damage.push(Damage {
            segment: segment::file_name(segment),
            range: start..end,
            reason: reason.to_owned(),
        });
    }

    /// Looks at one segment's records and answers with the contents in it.
    fn walk(
        &mut self,
        walker: &Walker<'_>,
    ) -> Result<Vec<(ContentId, Loc)>, crate::error::OpenError> {
        let walk = walker.walk()?;
        for range in &walk.corrupt {
            self.damage(
                walker.segment,
                range.start,
                range.end,
                "no record checks here",
            );
        }
        let mut contents = Vec::new();
        let mut scratch = LogState::default();
        for found in &walk.records {
            let payload = walker.bytes.get(found.payload.clone()).unwrap_or(&[]);
            self.report.records += 1;
            if let Err(error) = scratch.follow(found.kind, payload, found.loc) {
                let start = found.loc.offset();
                self.damage(
                    walker.segment,
                    start,
                    start + payload.len() as u64,
                    &error.to_string(),
                );
            }
            if matches!(found.kind, Kind::Blob | Kind::ChunkList)
                && let Some(id) = payload.first_chunk::<32>()
            {
                contents.push((ContentId(*id), found.loc));
            }
            let Some(chain) = self.chain.as_mut() else {
                continue;
            };
            if chain.follow(found.kind, payload).is_none() {
                self.report.chain_ok = false;
            }
            if let Some((group, head)) = segment::group_end(found.kind, payload) {
                self.report.chain_ok &= chain.head == head;
                chain.head = head;
                if group >= self.until {
                    break;
                }
            }
        }
        Ok(contents)
    }

    fn read_contents(&mut self, reader: &Reader, contents: &[(ContentId, Loc)]) {
        for (id, loc) in contents {
            self.report.contents += 1;
            if let Err(error) = reader.verify_stored(id, *loc) {
                tracing::warn!(%error, content = %id, "content is damaged");
                self.report.bad_contents.push(*id);
            }
        }
    }
}
