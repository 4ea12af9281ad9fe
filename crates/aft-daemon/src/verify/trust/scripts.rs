//! Files of a workspace that a command calls: words of it that are programs there, and what their first lines name.
//!
//! Does: find them, hash them, copy them. Does not: know which are approved.
//!
//! What a word means cannot be told without running it, so a file counts where it is named as the program, can be run by its
//! mode, begins with `#!`, or stands where an interpreter finds its script. Other files are data, also those that a test
//! runner loads: their edits are what is to be checked. What a shell computes at run time is not seen.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use aft_model::RelPath;
use aft_os::fs::real::{RealRoot, ScratchRoot};
use aft_os::{ReadDir, WriteDir};

use super::Untrusted;

/// A longer file is not copied, and called in a scratch tree only.
const COPY_MAX: u64 = 8 << 20;
/// How far first lines are followed.
const DEPTH_MAX: usize = 4;
/// Programs that run the first file they are given; with versions behind their names.
const INTERPRETERS: [&[u8]; 16] = [
    b"sh", b"bash", b"dash", b"ksh", b"zsh", b"fish", b"source", b".", b"python", b"node", b"deno",
    b"bun", b"ruby", b"perl", b"php", b"lua",
];
/// Words after which such a program takes no script.
const NO_SCRIPT: [&[u8]; 4] = [b"-c", b"-m", b"-e", b"--test"];

/// One file that a command calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Script {
    /// Its path in the workspace, where links on the way were followed.
    pub(crate) path: Vec<u8>,
    /// What of a word named it.
    named: Vec<u8>,
    /// The word's place in the command; `None` where a shell's line or a first line named it.
    pub(super) word: Option<usize>,
    /// BLAKE3 of its bytes.
    pub(crate) hash: String,
    pub(crate) size: u64,
    /// Its bytes, where they are not too many.
    bytes: Vec<u8>,
}

/// A word that cannot be held to a file.
#[derive(Debug)]
pub(super) enum Problem {
    Word(Vec<u8>, &'static str),
    Read(io::Error),
}

impl Problem {
    pub(super) fn of(self, check: &str) -> Untrusted {
        let check = check.to_owned();
        match self {
            Self::Word(word, why) => Untrusted::Word {
                check,
                word: String::from_utf8_lossy(&word).into_owned(),
                why,
            },
            Self::Read(source) => Untrusted::Read { check, source },
        }
    }
}

/// The files in `tree` that the command calls, in the order of its words. `dir` is where it runs beneath the tree, and
/// `root` is the workspace's own directory, which it may not name.
pub(super) fn called(
    tree: &Path,
    (argv, is_shell): (&[OsString], bool),
    dir: &str,
    root: &Path,
) -> Result<Vec<Script>, Problem> {
    let search = Search {
        files: RealRoot::open(tree).map_err(Problem::Read)?,
        tree: tree.canonicalize().map_err(Problem::Read)?,
        dir: Path::new(dir),
        root,
    };
    let mut reading = Reading {
        search,
        found: Vec::new(),
        takes_script: false,
    };
    if is_shell {
        let line = argv.last().map(OsString::as_os_str).unwrap_or_default();
        for word in words_of_line(line.as_bytes()) {
            reading.take(&word, None, false)?;
        }
        return Ok(reading.found);
    }
    for (number, word) in argv.iter().enumerate() {
        let word = word.as_bytes();
        if number == 0 && !word.contains(&b'/') {
            // Looked for where programs are, and never in the tree.
            reading.takes_script = is_interpreter(word);
            continue;
        }
        reading.take(word, Some(number), number == 0)?;
    }
    Ok(reading.found)
}

/// A command, word by word.
struct Reading<'a> {
    search: Search<'a>,
    found: Vec<Script>,
    /// An interpreter stands before, and its script was not seen yet.
    takes_script: bool,
}

impl Reading<'_> {
    fn take(
        &mut self,
        word: &[u8],
        number: Option<usize>,
        is_program: bool,
    ) -> Result<(), Problem> {
        let (n_found, runs) = (self.found.len(), is_program || self.takes_script);
        for named in parts(word) {
            self.search
                .add((named, runs), number, DEPTH_MAX, &mut self.found)?;
        }
        self.takes_script = match self.takes_script {
            true => self.found.len() == n_found && !NO_SCRIPT.contains(&word),
            false => is_interpreter(word),
        };
        Ok(())
    }
}

/// By its name, whatever its version and wherever it lies.
fn is_interpreter(word: &[u8]) -> bool {
    let name = word.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let ends = |byte: &u8| !(byte.is_ascii_digit() || *byte == b'.');
    let end = name.iter().rposition(ends).map_or(0, |at| at + 1);
    let plain = name.get(..end).unwrap_or_default();
    INTERPRETERS.contains(&name) || INTERPRETERS.contains(&plain)
}

/// A word, and what is behind its `=`.
fn parts(word: &[u8]) -> impl Iterator<Item = &[u8]> {
    let at = word.iter().position(|byte| *byte == b'=');
    let value = at.and_then(|at| word.get(at + 1..));
    std::iter::once(word).chain(value)
}

/// What of a shell's line may name a file. Quotes and operators end a word; the present directory is spelled in more ways than
/// one.
fn words_of_line(line: &[u8]) -> Vec<Vec<u8>> {
    let mut text = line.to_vec();
    for spelled in [&b"${PWD}/"[..], b"$PWD/", b"$(pwd)/", b"`pwd`/"] {
        while let Some(at) = text.windows(spelled.len()).position(|part| part == spelled) {
            text.splice(at..at + spelled.len(), *b" ./");
        }
    }
    let ends = |byte: &u8| byte.is_ascii_whitespace() || b";|&()<>{}\"'`$=,".contains(byte);
    let words = text.split(ends).filter(|word| !word.is_empty());
    words.map(<[u8]>::to_vec).collect()
}

struct Search<'a> {
    files: RealRoot,
    /// Where the tree is, without links.
    tree: PathBuf,
    dir: &'a Path,
    root: &'a Path,
}

impl Search<'_> {
    fn add(
        &self,
        (named, runs): (&[u8], bool),
        word: Option<usize>,
        depth: usize,
        found: &mut Vec<Script>,
    ) -> Result<(), Problem> {
        let Some(path) = self.place_of(named, runs)? else {
            return Ok(());
        };
        if depth == 0 {
            let why = "which names an interpreter of the workspace that names another, and so on";
            return Err(Problem::Word(named.to_vec(), why));
        }
        let Some(script) = self.read(&path, (named, runs), word)? else {
            return Ok(());
        };
        if found
            .iter()
            .any(|there| there.path == script.path && there.word == script.word)
        {
            return Ok(());
        }
        let first_line = script.bytes.strip_prefix(b"#!").map(|rest| {
            let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
            words_of_line(line)
        });
        found.push(script);
        for interpreter in first_line.unwrap_or_default() {
            self.add((&interpreter, true), None, depth - 1, found)?;
        }
        Ok(())
    }

    /// Which regular file of the tree is named, if any.
    fn place_of(&self, named: &[u8], runs: bool) -> Result<Option<RelPath>, Problem> {
        let path = Path::new(OsStr::from_bytes(named));
        if path.is_absolute() {
            return if path.starts_with(self.root) && (runs || can_run(path)) {
                let why = "a place in the workspace itself: name it as it stands in the check's directory";
                Err(Problem::Word(named.to_vec(), why))
            } else {
                Ok(None)
            };
        }
        let Some(beneath) = beneath(self.dir, path) else {
            return Ok(None);
        };
        // Links on the way are followed as the system will follow them, and must stay within.
        let Ok(real) = self.tree.join(&beneath).canonicalize() else {
            return Ok(None);
        };
        let Ok(inside) = real.strip_prefix(&self.tree) else {
            if !runs && !can_run(&real) {
                return Ok(None);
            }
            let why = "a link of the workspace that leads out of it";
            return Err(Problem::Word(named.to_vec(), why));
        };
        if !real.is_file() {
            return Ok(None);
        }
        Ok(RelPath::new(inside.as_os_str().as_bytes()).ok())
    }

    /// `None` for what is not run.
    fn read(
        &self,
        path: &RelPath,
        (named, runs): (&[u8], bool),
        word: Option<usize>,
    ) -> Result<Option<Script>, Problem> {
        let mut file = self.files.open(path).map_err(Problem::Read)?;
        let runs = runs || file.stat().map_err(Problem::Read)?.mode & 0o111 != 0;
        let (mut hasher, mut bytes, mut size) = (blake3::Hasher::new(), Vec::new(), 0_u64);
        let mut chunk = vec![0_u8; 64 << 10];
        loop {
            let len = file.read(&mut chunk).map_err(Problem::Read)?;
            let Some(read) = chunk.get(..len).filter(|read| !read.is_empty()) else {
                break;
            };
            if size == 0 && !runs && !read.starts_with(b"#!") {
                return Ok(None);
            }
            hasher.update(read);
            size += read.len() as u64;
            if size <= COPY_MAX {
                bytes.extend_from_slice(read);
            }
        }
        if size > COPY_MAX {
            // The first line is all that is looked at.
            bytes.truncate(64 << 10);
        }
        if size == 0 && !runs {
            return Ok(None);
        }
        Ok(Some(Script {
            path: path.as_bytes().to_vec(),
            named: named.to_vec(),
            word,
            hash: hasher.finalize().to_hex().to_string(),
            size,
            bytes,
        }))
    }
}

/// Whether its mode lets it be run.
fn can_run(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let stat = std::fs::metadata(path);
    stat.is_ok_and(|stat| stat.is_file() && stat.mode() & 0o111 != 0)
}

/// `path` from `dir`, without `.` and `..`; `None` where it leads out.
fn beneath(dir: &Path, path: &Path) -> Option<PathBuf> {
    let mut made = PathBuf::new();
    for part in dir.components().chain(path.components()) {
        match part {
            Component::Normal(name) => made.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                if !made.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(made)
}

/// Writes what was hashed to a private file, and says where.
pub(super) fn copy(copies: &ScratchRoot, number: usize, script: &Script) -> io::Result<PathBuf> {
    if script.size > COPY_MAX {
        let message = "it is too long to be copied; use `where = \"scratch\"`";
        return Err(io::Error::other(message));
    }
    let name = Path::new(OsStr::from_bytes(&script.path)).file_name();
    // Beside each other, as two may have one name, and with their own, as programs look at what a file is called.
    let dir = RelPath::new(number.to_string()).map_err(io::Error::other)?;
    let name = name.unwrap_or_default().as_bytes();
    let path = dir.join(name).map_err(io::Error::other)?;
    let files: &dyn WriteDir = copies.files();
    files.make_dir(&dir, 0o700)?;
    files.create(&path, 0o500, &script.bytes)?;
    let path = Path::new(OsStr::from_bytes(path.as_bytes()));
    Ok(copies.path().join(path))
}

/// The word with the copy's path where it named the file.
pub(super) fn with_copy(word: &OsStr, script: &Script, copy: &Path) -> OsString {
    let bytes = word.as_bytes();
    let before = bytes
        .strip_suffix(script.named.as_slice())
        .unwrap_or_default();
    let mut made = before.to_vec();
    made.extend_from_slice(copy.as_os_str().as_bytes());
    OsString::from_vec(made)
}
