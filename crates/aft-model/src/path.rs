//! Paths inside a workspace: bytes, relative, `/` between components, beneath the root by construction.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// A path relative to a workspace's root. The root itself is the empty path. Any bytes but NUL may
/// stand in a component; `.`, `..` and empty components cannot be built.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelPath(Arc<[u8]>);

/// Why bytes are not a path inside a workspace.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PathError {
    /// A component is `.`, `..` or empty, or the path begins or ends with `/`.
    #[error("a path in a workspace is relative and has no `.`, `..` or empty component")]
    Component,
    /// A NUL byte.
    #[error("a path has no NUL byte")]
    Nul,
    /// A component longer than 255 bytes, or the whole longer than 64 KiB.
    #[error("a path's component has at most 255 bytes, a whole path at most 64 KiB")]
    TooLong,
}

impl RelPath {
    /// The workspace's root.
    #[must_use]
    pub fn root() -> Self {
        Self(Arc::from(&[][..]))
    }

    /// Builds a path from bytes; empty bytes are the root.
    ///
    /// # Errors
    /// [`PathError`] for anything that could lead out of the workspace or that no file system holds.
    pub fn new(bytes: impl AsRef<[u8]>) -> Result<Self, PathError> {
        let bytes = bytes.as_ref();
        if !bytes.is_empty() {
            if bytes.len() > 64 * 1024 {
                return Err(PathError::TooLong);
            }
            for component in bytes.split(|b| *b == b'/') {
                check_component(component)?;
            }
        }
        Ok(Self(Arc::from(bytes)))
    }

    /// Appends one component.
    ///
    /// # Errors
    /// [`PathError`] when `name` is not a single valid component.
    pub fn join(&self, name: &[u8]) -> Result<Self, PathError> {
        check_component(name)?;
        if self.0.is_empty() {
            return Ok(Self(Arc::from(name)));
        }
        let mut bytes = Vec::with_capacity(self.0.len() + 1 + name.len());
        bytes.extend_from_slice(&self.0);
        bytes.push(b'/');
        bytes.extend_from_slice(name);
        Ok(Self(Arc::from(bytes)))
    }

    /// The bytes, without leading or trailing `/`.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// True for the workspace's root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Components from the top down; none for the root.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0.split(|b| *b == b'/').filter(|part| !part.is_empty())
    }

    /// The directory that holds this path; `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        self.split().map(|(parent, _)| parent)
    }

    /// The last component; empty for the root.
    #[must_use]
    pub fn file_name(&self) -> &[u8] {
        self.0.rsplit(|b| *b == b'/').next().unwrap_or(&[])
    }

    /// Parent and last component; `None` for the root.
    #[must_use]
    pub fn split(&self) -> Option<(Self, &[u8])> {
        let (parent, name) = self.split_bytes()?;
        Some((Self(Arc::from(parent)), name))
    }

    /// As [`Self::split`], for a look-up that needs no path of its own.
    #[must_use]
    pub fn split_bytes(&self) -> Option<(&[u8], &[u8])> {
        if self.0.is_empty() {
            return None;
        }
        let name = self.file_name();
        let parent_len = self.0.len().saturating_sub(name.len() + 1);
        Some((self.0.get(..parent_len).unwrap_or(&[]), name))
    }

    /// True when `self` is `ancestor` or lies beneath it.
    #[must_use]
    pub fn is_within(&self, ancestor: &Self) -> bool {
        if ancestor.0.is_empty() || self.0 == ancestor.0 {
            return true;
        }
        self.0.starts_with(&ancestor.0) && self.0.get(ancestor.0.len()) == Some(&b'/')
    }

    /// How many components the path has.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.components().count()
    }

    /// True when a component is `.git` in any spelling a file system may fold to it. Such a path is
    /// never captured and never written.
    #[must_use]
    pub fn is_git(&self) -> bool {
        self.components().any(is_git_component)
    }

    /// Text for people: invalid UTF-8 is replaced, so this cannot be turned back into a path.
    #[must_use]
    pub fn display(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

fn check_component(component: &[u8]) -> Result<(), PathError> {
    if component.is_empty() || component == b"." || component == b".." || component.contains(&b'/')
    {
        return Err(PathError::Component);
    }
    if component.contains(&0) {
        return Err(PathError::Nul);
    }
    if component.len() > 255 {
        return Err(PathError::TooLong);
    }
    Ok(())
}

/// `.git`, `.GIT`, `git~1`, `.git ` and `.git` with code points that HFS+ ignores.
fn is_git_component(component: &[u8]) -> bool {
    if component.len() < 4 {
        return false;
    }
    if component.is_ascii() {
        let end = component
            .iter()
            .rposition(|byte| !matches!(byte, b' ' | b'.'));
        let trimmed = component.get(..end.map_or(0, |end| end + 1)).unwrap_or(&[]);
        return trimmed.eq_ignore_ascii_case(b".git") || trimmed.eq_ignore_ascii_case(b"git~1");
    }
    let Ok(text) = std::str::from_utf8(component) else {
        return false;
    };
    let ignorable = |c: char| matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}');
    let folded: String = text.chars().filter(|c| !ignorable(*c)).collect();
    let folded = folded.trim_end_matches([' ', '.']).to_ascii_lowercase();
    folded == ".git" || folded == "git~1"
}

/// Equal, ordered and hashed as its bytes are.
impl Borrow<[u8]> for RelPath {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.display())
    }
}

#[cfg(test)]
mod tests;
