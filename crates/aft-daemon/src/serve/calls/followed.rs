//! Following one file back through its history, also to where it stood under another name.
//!
//! Does not: know how a version is shown, or what a file's lines are (`blame`).

use aft_model::{OperationId, RelPath};
use aft_rpc::RpcError;
use aft_store::HistoryEntry;

use crate::serve::failure::of_read;
use crate::workspace::Workspace;

/// Where the following stands: at this path, before this operation.
pub(super) struct Place {
    path: RelPath,
    before: Option<OperationId>,
}

impl Place {
    /// At the newest version of this path.
    pub(super) fn newest(path: &RelPath) -> Self {
        Self {
            path: path.clone(),
            before: None,
        }
    }

    /// Where a cursor of [`Self::to_cursor`] stands; `None` for anything else.
    pub(super) fn read(cursor: &str, asked: &RelPath) -> Option<Self> {
        let (number, path) = match cursor.split_once(':') {
            None => (cursor, asked.clone()),
            Some((number, path)) => (number, RelPath::new(unhex(path)?).ok()?),
        };
        let before = Some(OperationId(number.parse().ok()?));
        Some(Self { path, before })
    }

    /// `OPERATION`, and the path in hexadecimal digits where it is another than was asked for.
    pub(super) fn to_cursor(&self, asked: &RelPath) -> String {
        let number = self.before.unwrap_or(OperationId::NONE);
        if self.path == *asked {
            return number.to_string();
        }
        let digits = self.path.as_bytes().iter();
        let path: String = digits.map(|byte| format!("{byte:02x}")).collect();
        format!("{number}:{path}")
    }

    /// The next `limit` versions, older and older, each with the path it was at.
    pub(super) fn read_on(
        &mut self,
        workspace: &Workspace,
        limit: usize,
        follow: bool,
    ) -> Result<Vec<(RelPath, HistoryEntry)>, RpcError> {
        let mut found: Vec<(RelPath, HistoryEntry)> = Vec::new();
        while found.len() < limit {
            let asked = limit - found.len();
            let page = workspace
                .reader
                .path_history(&self.path, self.before, asked)
                .map_err(|error| of_read(&error))?;
            let is_last = page.len() < asked;
            let mut moved = None;
            for entry in page {
                self.before = Some(entry.summary.operation.id);
                let from = entry.change.renamed_from.clone();
                found.push((self.path.clone(), entry));
                moved = from.filter(|from| follow && *from != self.path);
                if moved.is_some() {
                    break;
                }
            }
            match moved {
                Some(from) => self.path = from,
                None if is_last => break,
                None => {}
            }
        }
        Ok(found)
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    };
    digits.map(byte).collect()
}
