//! The text of one path's change: git's headers, hunks, and the lines that both tools skip.
//!
//! Does not: compare; what differs comes from `compare` and `binary`.

use aft_model::{FileState, OpaqueReason, RelPath};

use super::{FileDiff, Form, Options, Side, binary, compare, hunks, is_binary, names};

pub(super) fn between(
    (path_old, path_new): (&RelPath, &RelPath),
    before: Side<'_>,
    after: Side<'_>,
    options: &Options,
) -> FileDiff {
    let mut patch = Patch {
        paths: Paths {
            old: path_old,
            new: path_new,
        },
        sides: (before, after),
        options,
        noted: false,
        out: FileDiff {
            complete: options.form == Form::Lines,
            ..FileDiff::default()
        },
    };
    let (old, new) = (Body::of(before), Body::of(after));
    match (old, new) {
        (Body::Nothing, Body::Nothing) => {}
        (Body::Blob(old), Body::Blob(new)) => patch.blobs(old, new),
        (Body::Nothing, Body::Blob(new)) => patch.created(new),
        (Body::Blob(old), Body::Nothing) => patch.deleted(old),
        (Body::Dir, Body::Blob(new)) => {
            patch.note();
            patch.created(new);
        }
        (Body::Blob(old), Body::Dir) => {
            patch.note();
            patch.deleted(old);
        }
        (Body::Dir | Body::Unheld | Body::Nothing, _) | (_, Body::Unheld) => {
            if before.state != after.state || path_old != path_new {
                let is_opaque = before.state.is_opaque() || after.state.is_opaque();
                patch.out.omitted = is_opaque || before.state.content() != after.state.content();
                patch.note();
            }
        }
    }
    patch.out
}

/// The file types git knows, by the number it writes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum GitMode {
    Regular,
    Executable,
    Symlink,
}

impl GitMode {
    fn of(mode: u32) -> Self {
        if mode & 0o100 == 0 {
            Self::Regular
        } else {
            Self::Executable
        }
    }

    fn digits(self) -> &'static str {
        match self {
            Self::Regular => "100644",
            Self::Executable => "100755",
            Self::Symlink => "120000",
        }
    }
}

#[derive(Clone, Copy)]
struct Blob<'a> {
    mode: GitMode,
    /// All permission bits; 0 for a link.
    permissions: u32,
    bytes: &'a [u8],
}

impl Blob<'_> {
    /// git can say these permission bits.
    fn is_plain(&self) -> bool {
        matches!(self.permissions, 0 | 0o644 | 0o755)
    }
}

enum Body<'a> {
    Nothing,
    Blob(Blob<'a>),
    Dir,
    /// Something is there, and its bytes are not at hand.
    Unheld,
}

impl<'a> Body<'a> {
    fn of(side: Side<'a>) -> Self {
        match (side.state, side.bytes) {
            (FileState::Absent, _) => Self::Nothing,
            (FileState::Dir { .. }, _) => Self::Dir,
            (FileState::File { mode, .. }, Some(bytes)) => Self::Blob(Blob {
                mode: GitMode::of(*mode),
                permissions: *mode,
                bytes,
            }),
            (FileState::Symlink { .. }, Some(bytes)) => Self::Blob(Blob {
                mode: GitMode::Symlink,
                permissions: 0,
                bytes,
            }),
            (FileState::File { .. } | FileState::Symlink { .. }, None)
            | (FileState::Opaque { .. }, _) => Self::Unheld,
        }
    }
}

#[derive(Clone, Copy)]
struct Paths<'a> {
    old: &'a RelPath,
    new: &'a RelPath,
}

/// A [`FileDiff`] being written.
struct Patch<'a> {
    paths: Paths<'a>,
    sides: (Side<'a>, Side<'a>),
    options: &'a Options,
    /// The line that says the whole change in words is written.
    noted: bool,
    out: FileDiff,
}

impl Patch<'_> {
    fn blobs(&mut self, old: Blob<'_>, new: Blob<'_>) {
        let same_type = (old.mode == GitMode::Symlink) == (new.mode == GitMode::Symlink);
        let same_bytes = old.bytes == new.bytes;
        let same_content = same_type && same_bytes;
        let is_binary = is_binary(old.bytes) || is_binary(new.bytes);
        if !same_content && is_binary && !self.is_written_out(old.bytes, new.bytes) {
            self.binary(Some(self.paths.old), Some(self.paths.new));
        } else if same_type {
            if old.permissions != new.permissions && !(old.is_plain() && new.is_plain()) {
                self.note();
            }
            self.modified(old, new, same_bytes);
        } else {
            // git shows a change of type as two patches of one name; so both tools replace the file.
            self.deleted(old);
            self.created(new);
        }
    }

    /// Binary content of this size is part of the patch.
    fn is_written_out(&self, old: &[u8], new: &[u8]) -> bool {
        self.options.form == Form::Lines && old.len() + new.len() <= self.options.binary_bytes_max
    }

    fn is_rename(&self) -> bool {
        self.paths.old != self.paths.new
    }

    fn modified(&mut self, old: Blob<'_>, new: Blob<'_>, same_bytes: bool) {
        let Paths {
            old: path_old,
            new: path_new,
        } = self.paths;
        if same_bytes && old.mode == new.mode && !self.is_rename() {
            return;
        }
        self.git_line(path_old, path_new);
        // `patch` refuses to edit a link unless the header says that it is one.
        if old.mode != new.mode || old.mode == GitMode::Symlink {
            self.line(&["old mode ", old.mode.digits()]);
            self.line(&["new mode ", new.mode.digits()]);
        }
        if self.is_rename() {
            if same_bytes {
                self.line(&["similarity index 100%"]);
            }
            self.named("rename from ", &names::quoted("", path_old));
            self.named("rename to ", &names::quoted("", path_new));
        }
        if same_bytes {
            return;
        }
        if is_binary(old.bytes) || is_binary(new.bytes) {
            let same_mode = (old.mode == new.mode).then(|| new.mode.digits());
            self.out.binary = true;
            binary::write(
                &mut self.out.text,
                Some(old.bytes),
                Some(new.bytes),
                same_mode,
            );
        } else {
            self.hunks(Some(path_old), Some(path_new), old.bytes, new.bytes);
        }
    }

    fn created(&mut self, new: Blob<'_>) {
        let path = self.paths.new;
        let is_binary = is_binary(new.bytes);
        if is_binary && !self.is_written_out(&[], new.bytes) {
            self.binary(None, Some(path));
            return;
        }
        self.git_line(path, path);
        self.line(&["new file mode ", new.mode.digits()]);
        if is_binary {
            self.out.binary = true;
            binary::write(&mut self.out.text, None, Some(new.bytes), None);
        } else if new.bytes.is_empty() {
            self.line(&["index 0000000..", names::EMPTY_BLOB]);
        } else {
            self.hunks(None, Some(path), &[], new.bytes);
        }
    }

    fn deleted(&mut self, old: Blob<'_>) {
        let path = self.paths.old;
        let is_binary = is_binary(old.bytes);
        if is_binary && !self.is_written_out(old.bytes, &[]) {
            self.binary(Some(path), None);
            return;
        }
        self.git_line(path, path);
        self.line(&["deleted file mode ", old.mode.digits()]);
        if is_binary {
            self.out.binary = true;
            binary::write(&mut self.out.text, Some(old.bytes), None, None);
        } else if old.bytes.is_empty() {
            // Without this line `patch` takes the removal of an empty file for a reversed patch.
            self.line(&["index ", names::EMPTY_BLOB, "..0000000"]);
        } else {
            self.hunks(Some(path), None, old.bytes, &[]);
        }
    }

    fn hunks(
        &mut self,
        path_old: Option<&RelPath>,
        path_new: Option<&RelPath>,
        old: &[u8],
        new: &[u8],
    ) {
        self.named("--- ", &names::side("a/", path_old));
        self.named("+++ ", &names::side("b/", path_new));
        let compared = compare::compare(old, new, self.options);
        self.out.degraded |= compared.degraded;
        hunks::write(&mut self.out, &compared, self.options);
    }

    fn binary(&mut self, path_old: Option<&RelPath>, path_new: Option<&RelPath>) {
        self.out.binary = true;
        self.out.omitted = true;
        self.note();
        let name = |prefix, path: Option<&RelPath>| {
            path.map_or(b"/dev/null".to_vec(), |p| names::quoted(prefix, p))
        };
        let (old, new) = (name("a/", path_old), name("b/", path_new));
        let parts: [&[u8]; 5] = [b"Binary files ", &old, b" and ", &new, b" differ\n"];
        self.out.text.extend_from_slice(&parts.concat());
    }

    fn note(&mut self) {
        self.out.complete = false;
        if std::mem::replace(&mut self.noted, true) {
            return;
        }
        let (old, new) = (describe(self.sides.0), describe(self.sides.1));
        let mut name = names::quoted("", self.paths.old);
        if self.is_rename() {
            name.extend_from_slice(b" => ");
            name.extend_from_slice(&names::quoted("", self.paths.new));
        }
        let parts: [&[u8]; 7] = [
            b"# aft: ",
            &name,
            b": ",
            old.as_bytes(),
            b" -> ",
            new.as_bytes(),
            b"\n",
        ];
        self.out.text.extend_from_slice(&parts.concat());
    }

    fn git_line(&mut self, path_old: &RelPath, path_new: &RelPath) {
        let (old, new) = (names::header("a/", path_old), names::header("b/", path_new));
        let parts: [&[u8]; 5] = [b"diff --git ", &old, b" ", &new, b"\n"];
        self.out.text.extend_from_slice(&parts.concat());
    }

    fn named(&mut self, word: &str, name: &[u8]) {
        self.out.text.extend_from_slice(word.as_bytes());
        self.out.text.extend_from_slice(name);
        self.out.text.push(b'\n');
    }

    fn line(&mut self, parts: &[&str]) {
        for part in parts {
            self.out.text.extend_from_slice(part.as_bytes());
        }
        self.out.text.push(b'\n');
    }
}

/// What a side was, for the lines that are skipped on applying.
fn describe(side: Side<'_>) -> String {
    let absent_bytes = if side.bytes.is_none() {
        ", content not at hand"
    } else {
        ""
    };
    match side.state {
        FileState::Absent => "nothing".to_owned(),
        FileState::File { mode, size, .. } => {
            format!("file {mode:04o} ({size} bytes{absent_bytes})")
        }
        FileState::Symlink { .. } => format!("symbolic link{absent_bytes}"),
        FileState::Dir { mode } => format!("directory {mode:04o}"),
        FileState::Opaque { reason, size, mode } => {
            let reason = match reason {
                OpaqueReason::TooLarge => "too large",
                OpaqueReason::Unreadable => "unreadable",
                OpaqueReason::Unsupported => "not a file or link",
                OpaqueReason::StoreFull => "store full",
                OpaqueReason::NotCovered => "left out by a rule",
                OpaqueReason::Expired => "a secret of the past",
            };
            format!("not held {mode:04o} ({size} bytes, {reason})")
        }
    }
}
