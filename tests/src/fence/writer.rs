//! One writer: random changes of a subtree of its own, as editors, shells and build tools make them.
//!
//! Does: change files by system calls, and remember in words what it did last.
//! Does not: fence or judge; the subtree is nobody else's, so it stands still while its writer asks.

mod dirs;
mod entries;

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use aft_testkit::sim::Rng;
use rustix::fs::{CWD, RenameFlags, renameat_with};

use entries::{Entries, entries_of, remove};

/// More entries than this in the subtree, and the next change is a removal.
const ENTRIES_MAX: usize = 150;
/// Changes that are remembered.
const REMEMBERED: usize = 24;

/// A writer and its subtree.
pub(super) struct Writer {
    rng: Rng,
    home: PathBuf,
    /// On the same file system, outside the project: for trees that move in and out.
    outside: PathBuf,
    /// Files that stay open for writing over fences.
    held: VecDeque<File>,
    n_made: u64,
    /// Changes that happened.
    pub(super) n_changes: u64,
    past: VecDeque<String>,
}

impl Writer {
    /// A writer in `home`, which it makes. `outside` is a directory of its own outside the project.
    pub(super) fn new(rng: Rng, home: PathBuf, outside: PathBuf) -> Self {
        fs::create_dir_all(&home).expect("a subtree");
        fs::create_dir_all(&outside).expect("a place outside");
        Self {
            rng,
            home,
            outside,
            held: VecDeque::new(),
            n_made: 0,
            n_changes: 0,
            past: VecDeque::new(),
        }
    }

    /// What it did last, newest at the end.
    pub(super) fn past(&self) -> String {
        Vec::from(self.past.clone()).join("\n    ")
    }

    /// Notes something between the changes.
    pub(super) fn note(&mut self, text: String) {
        if self.past.len() == REMEMBERED {
            self.past.pop_front();
        }
        self.past.push_back(text);
    }

    /// One change. A change that the tree has no room for is left out.
    pub(super) fn change(&mut self) {
        let entries = entries_of(&self.home);
        let kind = if entries.len() > ENTRIES_MAX {
            16
        } else {
            self.rng.below(27)
        };
        let done = match kind {
            0..=2 => self.write_in_place(&entries),
            3 | 4 => self.append(&entries),
            5 | 6 => self.save(&entries),
            7..=9 => self.make_deep(&entries),
            10 | 11 => self.rename_dir(&entries),
            12 => self.make_and_rename(&entries),
            13 => self.exchange(&entries),
            14 | 15 => self.swap_kind(&entries),
            16 => self.remove_large(&entries),
            17 => self.unlink(&entries),
            18 => self.link(&entries),
            19 => self.chmod(&entries),
            20 => self.move_out_and_in(&entries),
            21 => self.same_size(&entries),
            22 => self.hold_open(&entries),
            23..=25 => self.make_slowly(&entries),
            _ => self.replace_home(),
        };
        match done {
            Ok(text) => {
                self.n_changes += 1;
                self.note(text);
            }
            Err(error) => self.note(format!("nothing: {error}")),
        }
    }

    fn name(&mut self, stem: &str) -> String {
        self.n_made += 1;
        let number = self.n_made;
        // Few names, so that they come again as something else.
        match self.rng.below(8) {
            0 => format!("{stem}{number}~"),
            1 => format!(".{stem}{}", self.rng.below(4)),
            2 => format!("{stem}-{number}-ä"),
            _ => format!("{stem}{}", self.rng.below(6)),
        }
    }

    fn bytes(&mut self) -> Vec<u8> {
        let len = match self.rng.below(6) {
            0 => 0,
            1 => 20_000,
            _ => self.rng.index(600),
        };
        self.rng.bytes(len)
    }

    fn dir(&mut self, entries: &Entries) -> PathBuf {
        self.rng
            .pick(&entries.dirs)
            .cloned()
            .unwrap_or_else(|| self.home.clone())
    }

    fn new_path(&mut self, entries: &Entries, stem: &str) -> PathBuf {
        let dir = self.dir(entries);
        let name = self.name(stem);
        dir.join(name)
    }

    fn write_in_place(&mut self, entries: &Entries) -> io::Result<String> {
        let path = match self.rng.pick(&entries.files) {
            Some(path) if self.rng.chance(600) => path.clone(),
            _ => self.new_path(entries, "f"),
        };
        fs::write(&path, self.bytes())?;
        Ok(format!("write {}", path.display()))
    }

    fn append(&mut self, entries: &Entries) -> io::Result<String> {
        let path = match self.rng.pick(&entries.files) {
            Some(path) => path.clone(),
            None => self.new_path(entries, "log"),
        };
        let mut file = OpenOptions::new().append(true).create(true).open(&path)?;
        for _ in 0..=self.rng.below(4) {
            file.write_all(&self.rng.bytes(40))?;
        }
        Ok(format!("append {}", path.display()))
    }

    fn save(&mut self, entries: &Entries) -> io::Result<String> {
        let path = match self.rng.pick(&entries.files) {
            Some(path) if self.rng.chance(700) => path.clone(),
            _ => self.new_path(entries, "s"),
        };
        let temporary = path.with_extension("tmp~");
        fs::write(&temporary, self.bytes())?;
        fs::rename(&temporary, &path)?;
        Ok(format!("save {}", path.display()))
    }

    /// Up to a third of a millisecond, which is what the daemon takes from an event to its look. Spun, because a
    /// sleep is never that short.
    fn pass_time(&mut self) {
        let until = Instant::now() + Duration::from_micros(self.rng.below(350));
        while Instant::now() < until {
            std::hint::spin_loop();
        }
    }

    fn make_and_rename(&mut self, entries: &Entries) -> io::Result<String> {
        let top = self.new_path(entries, "t");
        for _ in 0..=self.rng.below(3) {
            let deep = top.join(self.name("n")).join(self.name("n"));
            fs::create_dir_all(&deep)?;
            fs::write(deep.join("inside"), self.bytes())?;
        }
        let to = self.new_path(entries, "m");
        fs::rename(&top, &to)?;
        // The old name is there again, as something new.
        if self.rng.chance(500) {
            fs::create_dir_all(top.join("n1"))?;
            fs::write(top.join("n1/again"), self.bytes())?;
        }
        fs::write(to.join(self.name("f")), self.bytes())?;
        Ok(format!("make {} and mv -> {}", top.display(), to.display()))
    }

    fn exchange(&mut self, entries: &Entries) -> io::Result<String> {
        let (a, b) = (self.any(entries), self.any(entries));
        renameat_with(CWD, &a, CWD, &b, RenameFlags::EXCHANGE)?;
        Ok(format!("exchange {} {}", a.display(), b.display()))
    }

    fn any(&mut self, entries: &Entries) -> PathBuf {
        let n_dirs = entries.dirs.len();
        let index = self.rng.index(entries.len());
        entries
            .dirs
            .get(index)
            .or_else(|| entries.files.get(index.saturating_sub(n_dirs)))
            .or_else(|| entries.links.first())
            .cloned()
            .unwrap_or_else(|| self.home.clone())
    }

    fn swap_kind(&mut self, entries: &Entries) -> io::Result<String> {
        let path = self.any(entries);
        if path == self.home {
            return Err(io::ErrorKind::NotFound.into());
        }
        let was_dir = path.symlink_metadata()?.is_dir();
        remove(&path)?;
        if was_dir {
            fs::write(&path, self.bytes())?;
            return Ok(format!("dir to file {}", path.display()));
        }
        fs::create_dir(&path)?;
        let file = path.join(self.name("f"));
        fs::write(&file, self.bytes())?;
        Ok(format!("file to dir {}", file.display()))
    }

    fn remove_large(&mut self, entries: &Entries) -> io::Result<String> {
        let path = self.dir(entries);
        fs::remove_dir_all(&path)?;
        fs::create_dir_all(&self.home)?;
        Ok(format!("rm -r {}", path.display()))
    }

    fn unlink(&mut self, entries: &Entries) -> io::Result<String> {
        let one = self.rng.pick(&entries.files).cloned();
        let path = one.ok_or(io::ErrorKind::NotFound)?;
        fs::remove_file(&path)?;
        Ok(format!("rm {}", path.display()))
    }

    fn link(&mut self, entries: &Entries) -> io::Result<String> {
        let path = self.new_path(entries, "l");
        let target = match self.rng.below(3) {
            0 => PathBuf::from("/nowhere/at/all"),
            1 => PathBuf::from(OsStr::from_bytes(b"bytes\xff\xfe")),
            _ => self.any(entries),
        };
        symlink(&target, &path)?;
        Ok(format!("ln -s {}", path.display()))
    }

    fn chmod(&mut self, entries: &Entries) -> io::Result<String> {
        let path = if self.rng.chance(500) {
            self.dir(entries)
        } else {
            let one = self.rng.pick(&entries.files).cloned();
            one.ok_or(io::ErrorKind::NotFound)?
        };
        let mode = 0o700 | u32::try_from(self.rng.below(0o100)).unwrap_or(0);
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
        Ok(format!("chmod {mode:o} {}", path.display()))
    }

    /// Same length, same times: nothing but the bytes and `ctime` tells.
    fn same_size(&mut self, entries: &Entries) -> io::Result<String> {
        let one = self.rng.pick(&entries.files).cloned();
        let path = one.ok_or(io::ErrorKind::NotFound)?;
        let meta = path.metadata()?;
        let len = usize::try_from(meta.len()).unwrap_or(0);
        let mut file = OpenOptions::new().write(true).open(&path)?;
        for _ in 0..=self.rng.below(3) {
            file.seek(SeekFrom::Start(0))?;
            file.write_all(&self.rng.bytes(len))?;
        }
        let times = fs::FileTimes::new()
            .set_accessed(meta.accessed()?)
            .set_modified(meta.modified()?);
        file.set_times(times)?;
        Ok(format!("same size and time {}", path.display()))
    }

    fn hold_open(&mut self, entries: &Entries) -> io::Result<String> {
        if self.held.len() == 4 || self.rng.chance(100) {
            self.held.pop_front();
        }
        if let Some(file) = self.held.back_mut()
            && self.rng.chance(500)
        {
            file.write_all(b"more to a file that stays open\n")?;
            return Ok("write to a held file".to_owned());
        }
        let path = self.new_path(entries, "held");
        let mut file = OpenOptions::new().append(true).create(true).open(&path)?;
        file.write_all(b"first\n")?;
        self.held.push_back(file);
        Ok(format!("hold open {}", path.display()))
    }
}
