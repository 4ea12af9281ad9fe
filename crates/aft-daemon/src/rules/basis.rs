//! What the rules of a tree rest on besides the ignore files in it, as a value that can be kept from one run to the
//! next: only then can be told what the rules before had left out.
//! Does not read patterns; that is [`super::Rules`].

use aft_model::RelPath;
use aft_os::ReadDir;
use serde::{Deserialize, Serialize};

use super::read_ignore_file;
use crate::config::{IgnoredFiles, SecretPolicy, TrackConfig};

/// Patterns and places from outside of the tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// `track.include`, from the root.
    pub(super) include: Vec<String>,
    /// `track.exclude`, from the root.
    pub(super) exclude: Vec<String>,
    /// Texts in gitignore syntax that apply to the whole tree, strongest first.
    pub(super) outer: Vec<Vec<u8>>,
    /// `track.ignored`.
    pub(super) ignored: IgnoredFiles,
    /// Paths inside the tree that are not its own.
    pub(super) nested: Vec<Vec<u8>>,
    /// Where secrets are not captured: what is one besides what is built in.
    #[serde(default)]
    pub(super) never: Option<Vec<String>>,
}

impl Basis {
    /// Gathers it; see [`super::Rules::load`] for the parameters.
    pub fn read(
        root: &dyn ReadDir,
        global_excludes: &[&[u8]],
        nested: &[RelPath],
        track: &TrackConfig,
    ) -> Self {
        let mut outer = Vec::new();
        if let Ok(path) = RelPath::new(".git/info/exclude") {
            outer.extend(read_ignore_file(root, &path));
        }
        outer.extend(global_excludes.iter().map(|text| text.to_vec()));
        let nested = nested.iter().map(|path| path.as_bytes().to_vec());
        Self {
            include: track.include.clone(),
            exclude: track.exclude.clone(),
            outer,
            ignored: track.ignored,
            nested: nested.collect(),
            never: (track.secrets == SecretPolicy::Never).then(|| track.secret_names.clone()),
        }
    }
}
