//! One writer: random changes of a subtree of its own, as editors, shells and build tools make them.
//!
//! Does: change files by system calls, and remember in words what it did last.
//! Does not: fence or judge; the subtree is nobody else's, so it stands still while its writer asks.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aft_testkit::sim::Rng;
use rustix::fs::{CWD, RenameFlags, renameat_with};

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

    fn make_deep(&mut self, entries: &Entries) -> io::Result<String> {
        let mut path = self.new_path(entries, "d");
        for _ in 0..self.rng.below(20) {
            path.push(self.name("n"));
        }
        fs::create_dir_all(&path)?;
        let file = path.join(self.name("leaf"));
        fs::write(&file, self.bytes())?;
        Ok(format!("mkdir -p and write {}", file.display()))
    }

    /// Entries appear at every moment of the look at their directory: before it is armed, between arming and listing,
    /// and after.
    fn make_slowly(&mut self, entries: &Entries) -> io::Result<String> {
        let top = self.new_path(entries, "slow");
        fs::create_dir_all(&top)?;
        for number in 0..4 {
            let dir = top.join(format!("d{number}"));
            fs::create_dir_all(&dir)?;
            for number in 0..4 {
                self.pass_time();
                fs::write(dir.join(format!("f{number}")), self.bytes())?;
            }
        }
        Ok(format!("make slowly {}", top.display()))
    }

    /// Up to a third of a millisecond, which is what the daemon takes from an event to its look. Spun, because a
    /// sleep is never that short.
    fn pass_time(&mut self) {
        let until = Instant::now() + Duration::from_micros(self.rng.below(350));
        while Instant::now() < until {
            std::hint::spin_loop();
        }
    }

    fn rename_dir(&mut self, entries: &Entries) -> io::Result<String> {
        let from = self.dir(entries);
        let mut said = format!("mv {}", from.display());
        let mut at = from;
        // A chain moves it on while its last name is being scanned.
        for _ in 0..=self.rng.below(3) {
            let to = self.new_path(entries, "m");
            fs::rename(&at, &to)?;
            said.push_str(&format!(" -> {}", to.display()));
            at = to;
        }
        fs::write(at.join(self.name("f")), self.bytes())?;
        Ok(said)
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

    fn move_out_and_in(&mut self, entries: &Entries) -> io::Result<String> {
        let from = self.dir(entries);
        let away = self.outside.join("away");
        if away.exists() {
            fs::remove_dir_all(&away)?;
        }
        fs::rename(&from, &away)?;
        fs::create_dir_all(&self.home)?;
        // Nobody watches it any more, or still does under its old name.
        let hidden = away.join(self.name("n")).join(self.name("n"));
        fs::create_dir_all(&hidden)?;
        fs::write(hidden.join("changed"), self.bytes())?;
        if self.rng.chance(300) {
            return Ok(format!("mv {} out", from.display()));
        }
        let to = if self.rng.chance(400) && !from.exists() {
            from.clone()
        } else {
            let name = self.name("back");
            self.home.join(name)
        };
        fs::rename(&away, &to)?;
        Ok(format!(
            "mv {} out and in -> {}",
            from.display(),
            to.display()
        ))
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

    /// The subtree's own top goes and comes back, whole trees at once.
    fn replace_home(&mut self) -> io::Result<String> {
        if self.rng.chance(700) {
            let name = self.name("f");
            let path = self.home.join(name);
            fs::write(&path, self.bytes())?;
            return Ok(format!("write {}", path.display()));
        }
        let fresh = self.outside.join("fresh");
        if fresh.exists() {
            fs::remove_dir_all(&fresh)?;
        }
        for number in 0..self.rng.below(6) {
            let deep = fresh.join(format!("d{number}")).join(self.name("n"));
            fs::create_dir_all(&deep)?;
            fs::write(deep.join("f1"), self.bytes())?;
        }
        fs::create_dir_all(&fresh)?;
        if self.rng.chance(500) {
            renameat_with(CWD, &fresh, CWD, &self.home, RenameFlags::EXCHANGE)?;
            return Ok("exchange the subtree with one from outside".to_owned());
        }
        fs::remove_dir_all(&self.home)?;
        fs::rename(&fresh, &self.home)?;
        Ok("replace the subtree by one from outside".to_owned())
    }
}

fn remove(path: &Path) -> io::Result<()> {
    if path.symlink_metadata()?.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    }
}

/// What is in a subtree, each list in the order of its walk.
#[derive(Default)]
struct Entries {
    dirs: Vec<PathBuf>,
    files: Vec<PathBuf>,
    links: Vec<PathBuf>,
}

impl Entries {
    fn len(&self) -> usize {
        self.dirs.len() + self.files.len() + self.links.len()
    }
}

/// Ordered by name, so that one seed picks the same entries on any file system.
fn entries_of(home: &Path) -> Entries {
    let mut found = Entries::default();
    let mut pending = vec![home.to_path_buf()];
    while let Some(dir) = pending.pop() {
        let Ok(listed) = fs::read_dir(&dir) else {
            continue;
        };
        for path in listed.filter_map(Result::ok).map(|entry| entry.path()) {
            match path.symlink_metadata().map(|meta| meta.file_type()) {
                Ok(kind) if kind.is_dir() => {
                    pending.push(path.clone());
                    found.dirs.push(path);
                }
                Ok(kind) if kind.is_symlink() => found.links.push(path),
                Ok(_) => found.files.push(path),
                Err(_) => {}
            }
        }
    }
    found.dirs.sort();
    found.files.sort();
    found.links.sort();
    found
}
