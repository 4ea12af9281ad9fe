//! Looking at everything: integrity and figures.
//!
//! Does: walk all records, verify checksums, the chain, that the index finds every record and path, that
//! every content that is named is held, and with `read_data` decode and hash every content.
//! Does not: mend, or write anything. Memory is bounded by one segment and a few bytes for each content.

mod agreement;
mod named;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use aft_model::{ContentId, OperationId};

use crate::chain::Chain;
use crate::entry::{Entry, Loc, LogState, PartOwner};
use crate::error::{OpenError, ReadError};
use crate::frame::{CrcSeed, Kind};
use crate::reader::Reader;
use crate::recover::{Damage, SegmentInfo, list_segments};
use crate::segment::{self, Walker};

use agreement::Agreement;
pub use named::Missing;
use named::Named;

/// Maintenance may replace segments while they are looked at; then the look begins again.
const TRIES: usize = 5;

/// What a check found.
#[derive(Clone, Debug, Default)]
pub struct CheckReport {
    /// Segments looked at.
    pub segments: u64,
    /// Intact records.
    pub records: u64,
    /// Contents decoded and hashed; 0 without `read_data`.
    pub contents: u64,
    /// Bytes of segments read.
    pub bytes: u64,
    /// Damaged places.
    pub damage: Vec<Damage>,
    /// Contents that cannot be served.
    pub bad_contents: Vec<ContentId>,
    /// Contents that operations name and no intact record holds.
    pub missing: Vec<Missing>,
    /// Contents beyond those in `missing`, which is bounded.
    pub more_missing: u64,
    /// Operations that lie, whole or in part, in a damaged place.
    pub lost_operations: Vec<OperationId>,
    /// Where the index does not say what the segments say. It can be made anew.
    pub index: Vec<String>,
    /// The chain verified from the first record to the last.
    pub chain_ok: bool,
    /// Links in the chain.
    pub chain_len: u64,
}

impl CheckReport {
    /// True where nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.damage.is_empty()
            && self.bad_contents.is_empty()
            && self.missing.is_empty()
            && self.more_missing == 0
            && self.lost_operations.is_empty()
            && self.index.is_empty()
            && self.chain_ok
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
        let mut tries = 1;
        loop {
            match self.check_once(read_data) {
                // A segment was replaced between the listing and the reading.
                Err(OpenError::Io { source, .. })
                    if source.kind() == std::io::ErrorKind::NotFound && tries < TRIES =>
                {
                    tries += 1;
                }
                checked => return checked.map_err(unreadable),
            }
        }
    }

    fn check_once(&self, read_data: bool) -> Result<CheckReport, OpenError> {
        let shared = self.shared();
        // What is published now is looked at; the writer may append meanwhile.
        let (until, head) = {
            let state = shared.state.read();
            (state.group, state.chain.head)
        };
        let mut checking = Checking::new(self, until, read_data);
        let mut segments = list_segments(&*shared.dir)?;
        if let Err(error) = self.leave_out_replaced(&mut segments) {
            checking.agreement.failed(&error);
        }
        let last = segments.len().saturating_sub(1);
        for (at, info) in segments.iter().enumerate() {
            let bytes = segment::read_rest(&*shared.dir, info.number, info.start)?;
            let walker = Walker {
                segment: info.number,
                seed: CrcSeed::new(&shared.store, info.number),
                bytes: &bytes,
                base: info.start,
                vouched_whole: at < last,
            };
            checking.report.segments += 1;
            checking.report.bytes += bytes.len() as u64;
            if let Some(header) = &info.header {
                checking.begin(Chain {
                    head: header.chain,
                    count: header.chain_count,
                });
            } else {
                checking.damage(info.number, 0, 0, "its header does not check");
            }
            checking.walk(&walker)?;
            if checking.reached >= until {
                break;
            }
        }
        Ok(checking.finish(head))
    }

    /// Of a segment and the one rewritten from it, keeps the one that the index points into.
    fn leave_out_replaced(&self, segments: &mut Vec<SegmentInfo>) -> Result<(), ReadError> {
        let pairs: Vec<(u32, u32)> = segments
            .iter()
            .filter_map(|info| info.header.as_ref())
            .flat_map(|header| header.replaces.iter().map(|old| (*old, header.segment)))
            .collect();
        for (old, new) in pairs {
            let moved = self.shared().index.moved_to(old)? == Some(new);
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

fn unreadable(error: OpenError) -> ReadError {
    ReadError::corrupt("a segment", error.to_string())
}

struct Checking<'a> {
    reader: &'a Reader,
    read_data: bool,
    report: CheckReport,
    chain: Option<Chain>,
    /// First group that is not looked at.
    until: u64,
    /// The group after the last one that was met.
    reached: u64,
    /// Numbers what has no number of its own.
    scratch: LogState,
    agreement: Agreement<'a>,
    named: Named,
}

impl<'a> Checking<'a> {
    fn new(reader: &'a Reader, until: u64, read_data: bool) -> Self {
        Self {
            reader,
            read_data,
            report: CheckReport {
                chain_ok: true,
                ..CheckReport::default()
            },
            chain: None,
            until,
            reached: 0,
            scratch: LogState::default(),
            agreement: Agreement::new(reader),
            named: Named::default(),
        }
    }

    /// A segment's header must continue the chain.
    fn begin(&mut self, start: Chain) {
        if self.chain.is_some_and(|chain| chain != start) {
            self.report.chain_ok = false;
        }
        self.chain = Some(start);
    }

    fn damage(&mut self, segment: u32, start: u64, end: u64, reason: &str) {
        let lost = self.agreement.operations_within(segment, start..end);
        self.report.lost_operations.extend(lost);
        self.report.damage.push(Damage {
            segment: segment::file_name(segment),
            range: start..end,
            reason: reason.to_owned(),
        });
    }

    /// Looks at one segment's records.
    fn walk(&mut self, walker: &Walker<'_>) -> Result<(), OpenError> {
        let walk = walker.walk()?;
        for range in &walk.corrupt {
            let reason = "no record checks here";
            self.damage(walker.segment, range.start, range.end, reason);
        }
        for found in &walk.records {
            let payload = walker.bytes.get(found.payload.clone()).unwrap_or(&[]);
            self.record(found.kind, payload, found.loc);
            self.follow_chain(found.kind, payload);
            if self.reached >= self.until {
                return Ok(());
            }
        }
        if !walker.vouched_whole {
            let end = walk.end + walk.torn;
            let reason = "the log ends before the newest group";
            self.damage(walker.segment, walk.end, end, reason);
        }
        Ok(())
    }

    /// One intact record: what it says, whether it is found, and whether what it names is there.
    fn record(&mut self, kind: Kind, payload: &[u8], loc: Loc) {
        self.report.records += 1;
        if kind == Kind::Erased {
            // Only the chain knows of it, and that is followed by itself.
            return;
        }
        let undecodable = match self.scratch.follow(kind, payload, loc) {
            Ok(entry) => {
                if let Some(entry) = &entry {
                    self.agreement.with(entry);
                }
                if self.is_retained(entry.as_ref()) {
                    self.named.note(kind, payload).err()
                } else {
                    None
                }
            }
            Err(error) => Some(error),
        };
        if let Some(error) = undecodable {
            let start = loc.offset();
            let end = start + payload.len() as u64;
            self.damage(loc.segment(), start, end, &error.to_string());
        }
        if matches!(kind, Kind::Blob | Kind::ChunkList)
            && let Some(id) = payload.first_chunk::<32>()
        {
            self.content(&ContentId(*id), loc);
        }
    }

    /// False for what retention merged away and no collection has removed: what that names may be gone.
    fn is_retained(&self, entry: Option<&Entry>) -> bool {
        let (operation, loc) = match entry {
            Some(Entry::Operation(row) | Entry::Composed(row, _)) => (row.id, row.loc),
            Some(Entry::Part(PartOwner::Operation(id), _, loc)) => (*id, *loc),
            _ => return true,
        };
        let shared = self.reader.shared();
        match entry {
            Some(Entry::Part(owner, part, _)) => {
                let found = shared.find_part(*owner, *part);
                let replaced = matches!(found, Ok(Some(found)) if found != loc);
                let gone = matches!(found, Ok(None))
                    && matches!(shared.find_operation(operation), Ok(None));
                !replaced && !gone
            }
            _ => {
                let found = shared.find_operation(operation);
                matches!(found, Ok(Some(found)) if found == loc)
            }
        }
    }

    fn content(&mut self, id: &ContentId, loc: Loc) {
        if self.read_data {
            self.report.contents += 1;
            if let Err(error) = self.verify(id, loc) {
                tracing::warn!(%error, content = %id, "content is damaged");
                self.report.bad_contents.push(*id);
                return;
            }
        }
        self.named.hold(id);
    }

    fn verify(&self, id: &ContentId, loc: Loc) -> Result<(), ReadError> {
        match self.reader.verify_stored(id, loc) {
            // Its segment was rewritten meanwhile.
            Err(ReadError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                let moved = self.reader.shared().find_content(id)?;
                let moved = moved.ok_or(ReadError::NotFound(*id))?;
                self.reader.verify_stored(id, moved)
            }
            verified => verified,
        }
    }

    fn follow_chain(&mut self, kind: Kind, payload: &[u8]) {
        let Some(chain) = self.chain.as_mut() else {
            return;
        };
        if chain.follow(kind, payload).is_none() {
            self.report.chain_ok = false;
        }
        if let Some((group, head)) = segment::group_end(kind, payload) {
            self.report.chain_ok &= chain.head == head;
            chain.head = head;
            self.reached = group;
        }
    }

    /// `head` is the chain as the writer left it.
    fn finish(self, head: [u8; 32]) -> CheckReport {
        let mut report = self.report;
        if let Some((last, newest)) = self.reader.shared().state.read().cut {
            let reason = if newest > last {
                format!(
                    "its end was gone when it was opened, with the operations after {last} up to {newest}"
                )
            } else {
                format!("its end was gone when it was opened, with what followed operation {last}")
            };
            report.damage.push(Damage {
                segment: "the log".to_owned(),
                range: 0..0,
                reason,
            });
        }
        report.chain_ok &= self.chain.is_some_and(|chain| chain.head == head);
        report.chain_len = self.chain.map_or(0, |chain| chain.count);
        report.lost_operations.sort_unstable();
        report.lost_operations.dedup();
        report.index = self.agreement.finish(self.until);
        (report.missing, report.more_missing) = self.named.finish();
        report
    }
}
