//! The approvals of one workspace in the store: `trust.json`, as `docs/formats/notes.md` describes it.
//!
//! Does: read, add, let go of the oldest. Does not: decide. A file that cannot be read approves nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::Path;

use aft_os::StoreDir;
use aft_os::store_dir::real::RealStoreDir;
use serde::{Deserialize, Serialize};
use tracing::warn;

/// Its name in the workspace's directory of the store.
pub(super) const FILE: &str = "trust.json";
const VERSION: u32 = 1;
/// More are let go of, the oldest first: going back to a state of long ago asks again.
const APPROVALS_MAX: usize = 256;
/// A longer file is none of ours.
const FILE_MAX: u64 = 16 << 20;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Approvals {
    version: u32,
    approvals: Vec<Approval>,
}

/// What somebody approved at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Approval {
    /// The directory, for people.
    pub(super) root: String,
    /// The same with device and inode, hashed: this counts.
    pub(super) place: String,
    /// Hash of the workspace's own configuration.
    pub(super) file: Option<String>,
    /// Files of the workspace that commands call, with their hashes. A name that is not UTF-8 is written with its bytes in
    /// hexadecimal after a zero character.
    pub(super) scripts: BTreeMap<String, String>,
    /// When.
    pub(super) approved: String,
}

/// What was approved for one directory.
pub(super) struct Kept(Vec<Approval>);

impl Kept {
    pub(super) fn read(store: &Path, place: &str) -> Self {
        let mut approvals = match read(store) {
            Ok(approvals) => approvals,
            Err(error) => {
                warn!(%error, "the approvals cannot be read: every check of a workspace asks again");
                Vec::new()
            }
        };
        approvals.retain(|approval| approval.place == place);
        Self(approvals)
    }

    pub(super) fn has_file(&self, hash: &str) -> bool {
        let mut approvals = self.0.iter();
        approvals.any(|approval| approval.file.as_deref() == Some(hash))
    }

    /// Every path with every hash that was approved for it.
    pub(super) fn files(&self) -> BTreeSet<(Vec<u8>, String)> {
        let all = self.0.iter().flat_map(|approval| &approval.scripts);
        all.map(|(path, hash)| (bytes_of(path), hash.clone()))
            .collect()
    }
}

fn read(store: &Path) -> io::Result<Vec<Approval>> {
    let file = match std::fs::File::open(store.join(FILE)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(FILE_MAX).read_to_end(&mut bytes)?;
    let approvals: Approvals = serde_json::from_slice(&bytes)?;
    if approvals.version != VERSION {
        return Err(io::Error::other("they are of another version"));
    }
    Ok(approvals.approvals)
}

/// Adds one to those there are. The same again only becomes the newest.
pub(super) fn add(store: &Path, approval: Approval) -> io::Result<()> {
    let mut approvals = read(store).unwrap_or_default();
    approvals.retain(|there| {
        let is_same = there.place == approval.place
            && there.file == approval.file
            && there.scripts == approval.scripts;
        !is_same
    });
    approvals.push(approval);
    let too_many = approvals.len().saturating_sub(APPROVALS_MAX);
    approvals.drain(..too_many);
    let bytes = serde_json::to_vec_pretty(&Approvals {
        version: VERSION,
        approvals,
    })?;
    RealStoreDir::open(store, false)?.replace(FILE, &bytes)
}

/// A path as it stands in the file.
pub(super) fn text_of(path: &[u8]) -> String {
    match std::str::from_utf8(path) {
        Ok(text) if !text.starts_with('\0') => text.to_owned(),
        _ => {
            let digits = path.iter().map(|byte| format!("{byte:02x}"));
            std::iter::once("\0".to_owned()).chain(digits).collect()
        }
    }
}

pub(super) fn bytes_of(text: &str) -> Vec<u8> {
    let Some(digits) = text.strip_prefix('\0') else {
        return text.as_bytes().to_vec();
    };
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.filter_map(byte).collect()
}
