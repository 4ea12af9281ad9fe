//! Identities: newtypes so that one kind of number cannot be handed in for another.

use std::fmt;

/// BLAKE3 hash of a content's plain bytes. For a symbolic link the content is its target.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentId(pub [u8; 32]);

impl ContentId {
    /// Parses 64 lower-case or upper-case hexadecimal digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let mut id = [0_u8; 32];
        for (byte, pair) in id.iter_mut().zip(digits.chunks_exact(2)) {
            let text = std::str::from_utf8(pair).ok()?;
            *byte = u8::from_str_radix(text, 16).ok()?;
        }
        Some(Self(id))
    }
}

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A page of history shows a thousand of them, and a call for each byte would take most of its time.
        let digit = |n: u8| if n < 10 { b'0' + n } else { b'a' + n - 10 };
        let mut text = [0_u8; 64];
        let (pairs, _) = text.as_chunks_mut::<2>();
        for (pair, byte) in pairs.iter_mut().zip(self.0) {
            *pair = [digit(byte >> 4), digit(byte & 15)];
        }
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "ContentId({a:02x}{b:02x}{c:02x}{d:02x}…)")
    }
}

/// Number of an operation within its workspace. Starts at 1, rises by one, is never reused;
/// after an unclean end of the daemon a block of numbers may be skipped. 0 is "before everything".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OperationId(pub u64);

impl OperationId {
    /// The state before the first operation.
    pub const NONE: Self = Self(0);
}

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Unguessable identity of a workspace, made when it is first watched; survives a move of its root.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkspaceId(pub String);

impl fmt::Display for WorkspaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One run of an agent. Unguessable.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub String);

/// One prompt-to-answer cycle within a session. Unguessable.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TurnId(pub String);

/// A checkpoint's name: 1 to 128 bytes, no control characters, and nothing that reads as a point or
/// as a subcommand of `aft checkpoint`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CheckpointName(String);

/// Why a text cannot be a checkpoint's name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NameError {
    /// Empty or longer than 128 bytes.
    #[error("a checkpoint's name has 1 to 128 bytes")]
    Length,
    /// Control characters or surrounding white space.
    #[error("a checkpoint's name has no control characters and no white space at its ends")]
    Characters,
    /// Reads as a point (`@`, `142`, `10m`, `good`, …) or as a subcommand.
    #[error("`{0}` already means something as a point or a subcommand; choose another name")]
    Reserved(String),
}

impl CheckpointName {
    /// Checks `name` against the rules above.
    ///
    /// # Errors
    /// [`NameError`] says which rule it breaks.
    pub fn new(name: &str) -> Result<Self, NameError> {
        if name.is_empty() || name.len() > 128 {
            return Err(NameError::Length);
        }
        if name.chars().any(char::is_control) || name.trim() != name {
            return Err(NameError::Characters);
        }
        let subcommand = ["list", "show", "edit", "rm", "create", "help"].contains(&name);
        if subcommand || crate::point::is_reserved(name) {
            return Err(NameError::Reserved(name.to_owned()));
        }
        Ok(Self(name.to_owned()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CheckpointName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
