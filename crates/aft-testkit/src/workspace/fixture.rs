//! Trees written as text, for real projects and simulated ones. Does not make them.

/// What a fixture's entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FixtureKind {
    /// A regular file.
    File {
        /// Its bytes.
        bytes: Vec<u8>,
        /// Its permission bits.
        mode: u32,
    },
    /// A directory that may be empty.
    Dir,
    /// A symbolic link.
    Symlink {
        /// Its target.
        target: String,
    },
}

/// One entry of a fixture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixtureEntry {
    /// Path in the project, without the leading `/`.
    pub path: String,
    /// What it is.
    pub kind: FixtureKind,
}

/// Reads a fixture. Each file begins with a line `//- /path`, followed by its lines. After the path may
/// stand `mode=755`, `link=target` or `eol=none` (no newline at the end); a path that ends with `/` is a
/// directory. Lines before the first marker must be blank.
///
/// # Panics
/// Where the text is no fixture: a typing error in a test.
#[must_use]
pub fn parse_fixture(text: &str) -> Vec<FixtureEntry> {
    let mut entries: Vec<FixtureEntry> = Vec::new();
    let mut strip_newline = Vec::new();
    for line in text.split_inclusive('\n') {
        if let Some(header) = line.strip_prefix("//- ") {
            let (entry, strip) = parse_header(header.trim_end());
            entries.push(entry);
            strip_newline.push(strip);
            continue;
        }
        match entries.last_mut().map(|entry| &mut entry.kind) {
            Some(FixtureKind::File { bytes, .. }) => bytes.extend_from_slice(line.as_bytes()),
            _ => assert!(
                line.trim().is_empty(),
                "a fixture's line without a file: {line:?}"
            ),
        }
    }
    for (entry, strip) in entries.iter_mut().zip(strip_newline) {
        if let FixtureKind::File { bytes, .. } = &mut entry.kind
            && strip
            && bytes.last() == Some(&b'\n')
        {
            bytes.pop();
        }
    }
    entries
}

fn parse_header(header: &str) -> (FixtureEntry, bool) {
    let mut words = header.split(' ');
    let path = words.next().unwrap_or_default();
    let path = path
        .strip_prefix('/')
        .unwrap_or_else(|| panic!("a fixture's path begins with `/`: {header:?}"));
    let (mut mode, mut target, mut strip) = (0o644, None, false);
    for word in words.filter(|word| !word.is_empty()) {
        match word.split_once('=') {
            Some(("mode", octal)) => {
                mode = u32::from_str_radix(octal, 8)
                    .unwrap_or_else(|_| panic!("not a mode: {word:?}"));
            }
            Some(("link", text)) => target = Some(text.to_owned()),
            Some(("eol", "none")) => strip = true,
            _ => panic!("a fixture knows mode=, link= and eol=none, not {word:?}"),
        }
    }
    let kind = match (target, path.strip_suffix('/')) {
        (Some(target), _) => FixtureKind::Symlink { target },
        (None, Some(_)) => FixtureKind::Dir,
        (None, None) => FixtureKind::File {
            bytes: Vec::new(),
            mode,
        },
    };
    let path = path.trim_end_matches('/').to_owned();
    (FixtureEntry { path, kind }, strip)
}
