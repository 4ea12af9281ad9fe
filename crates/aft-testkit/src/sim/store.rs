//! A simulated store directory behind [`StoreDir`]: append-only files on a disk that forgets.
//! Does not decide what a crash keeps; that is [`image`]'s.

mod image;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use aft_os::{AppendFile, LaterSync, ReadAt, StoreDir};
use parking_lot::Mutex;
use rustix::io::Errno;

use super::fault::{Faults, Op};
use super::rng::Rng;
use image::{DirId, Disk, FileId, Node};

struct Shared {
    disk: Mutex<Disk>,
    faults: Faults,
}

/// One directory of a simulated store. Clones are handles on the same one.
#[derive(Clone)]
pub struct SimStoreDir {
    shared: Arc<Shared>,
    dir: DirId,
    index: Option<PathBuf>,
}

impl SimStoreDir {
    /// An empty store with this many bytes of room.
    #[must_use]
    pub fn new(faults: Faults, rng: Rng, quota: u64) -> Self {
        let shared = Shared {
            disk: Mutex::new(Disk::new(rng, quota)),
            faults,
        };
        Self {
            shared: Arc::new(shared),
            dir: Disk::ROOT,
            index: None,
        }
    }

    /// The same, with the index in a real directory, which no crash touches: the index is then never behind what the
    /// disk kept. Without, it is in memory and gone with each opening.
    #[must_use]
    pub fn with_index_in(mut self, real: PathBuf) -> Self {
        self.index = Some(real);
        self
    }

    /// Changes how many bytes there is room for.
    pub fn set_quota(&self, bytes: u64) {
        self.shared.disk.lock().quota = bytes;
    }

    /// The live bytes of the file at `path`, relative to this directory; `None` where there is none.
    #[must_use]
    pub fn peek(&self, path: &str) -> Option<Vec<u8>> {
        let disk = self.shared.disk.lock();
        Some(disk.file(disk.find(self.dir, path)?)?.bytes.clone())
    }

    /// Every file at or beneath this directory, with its live length.
    #[must_use]
    pub fn files(&self) -> Vec<(String, u64)> {
        self.shared.disk.lock().files(self.dir)
    }

    /// Bit rot: flips the bits of `mask` in one byte, live and on the disk. False where there is none.
    pub fn rot(&self, path: &str, offset: u64, mask: u8) -> bool {
        let mut disk = self.shared.disk.lock();
        disk.find(self.dir, path)
            .is_some_and(|file| disk.rot(file, offset, mask))
    }

    /// Replaces the bytes of a file, durably: a hand in the store. Makes the file where it is missing.
    pub fn plant(&self, name: &str, bytes: &[u8]) {
        self.shared.disk.lock().plant(self.dir, name, bytes);
    }

    /// Everything reaches the disk, as after a long quiet time.
    pub fn sync_all(&self) {
        self.shared.disk.lock().sync_all();
    }

    pub(crate) fn crash(&self, rng: &mut Rng) {
        self.shared.disk.lock().crash(rng);
    }
}

struct SimAppend {
    shared: Arc<Shared>,
    file: FileId,
    life: u64,
}

impl SimAppend {
    fn enter(&self, op: Op) -> io::Result<()> {
        self.shared.faults.check_life(self.life)?;
        self.shared.faults.check(op)
    }
}

impl AppendFile for SimAppend {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.shared.faults.check_life(self.life)?;
        let failed = self.shared.faults.check(Op::StoreAppend).err();
        if self.shared.faults.is_off() {
            return Err(Errno::IO.into());
        }
        let mut disk = self.shared.disk.lock();
        match failed {
            // A failed write leaves an unknown part of its bytes behind.
            Some(error) => {
                disk.append_part(self.file, bytes);
                Err(error)
            }
            None => Ok(disk.append(self.file, bytes)?),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.shared.faults.check_life(self.life)?;
        let entered = self.shared.faults.check(Op::StoreSync);
        if !self.shared.faults.is_off() {
            let mut disk = self.shared.disk.lock();
            match entered {
                Ok(()) => disk.sync(self.file),
                Err(_) => disk.sync_failed(self.file),
            }
        }
        entered
    }

    fn later_sync(&self) -> io::Result<LaterSync> {
        let (shared, file, life) = (Arc::clone(&self.shared), self.file, self.life);
        let through = shared.disk.lock().len(file);
        let through = usize::try_from(through).unwrap_or(usize::MAX);
        Ok(Box::new(move || {
            shared.faults.check_life(life)?;
            let entered = shared.faults.check(Op::StoreSync);
            if !shared.faults.is_off() {
                let mut disk = shared.disk.lock();
                match entered {
                    Ok(()) => disk.sync_through(file, through),
                    Err(_) => disk.sync_failed(file),
                }
            }
            entered
        }))
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.enter(Op::StoreTruncate)?;
        self.shared.disk.lock().truncate(self.file, len);
        Ok(())
    }

    fn len(&self) -> u64 {
        self.shared.disk.lock().len(self.file)
    }
}

struct SimRead {
    shared: Arc<Shared>,
    file: FileId,
    life: u64,
}

impl ReadAt for SimRead {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.shared.faults.check_life(self.life)?;
        self.shared.faults.check(Op::StoreRead)?;
        let disk = self.shared.disk.lock();
        let file = disk.file(self.file).ok_or(Errno::STALE)?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = file
            .bytes
            .get(start..)
            .and_then(|rest| rest.get(..buf.len()));
        buf.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        self.shared.faults.check_life(self.life)?;
        Ok(self.shared.disk.lock().len(self.file))
    }
}

/// Names are single components of ASCII letters, digits, `.`, `-` and `_`; anything else is a bug of the
/// caller that a real directory might let through.
fn check_name(name: &str) -> io::Result<()> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    if name.is_empty()
        || name == "."
        || name == ".."
        || name.len() > 255
        || !name.bytes().all(plain)
    {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("`{name}` cannot name a file of the store"),
        ));
    }
    Ok(())
}

impl StoreDir for SimStoreDir {
    fn list(&self) -> io::Result<Vec<String>> {
        self.shared.faults.check(Op::StoreRead)?;
        Ok(self.shared.disk.lock().list(self.dir))
    }

    fn append(&self, name: &str) -> io::Result<Box<dyn AppendFile>> {
        check_name(name)?;
        self.shared.faults.check(Op::StoreOpen)?;
        let file = self.shared.disk.lock().open_or_make(self.dir, name)?;
        Ok(Box::new(SimAppend {
            shared: Arc::clone(&self.shared),
            file,
            life: self.shared.faults.life(),
        }))
    }

    fn read(&self, name: &str) -> io::Result<Box<dyn ReadAt>> {
        check_name(name)?;
        self.shared.faults.check(Op::StoreRead)?;
        let file = self
            .shared
            .disk
            .lock()
            .find(self.dir, name)
            .ok_or(Errno::NOENT)?;
        Ok(Box::new(SimRead {
            shared: Arc::clone(&self.shared),
            file,
            life: self.shared.faults.life(),
        }))
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        check_name(name)?;
        // Each step may fail, or be the last before the power goes. A temporary file may stay behind.
        let temporary = format!("{name}.tmp");
        let enter = || self.shared.faults.check(Op::StoreReplace);
        enter()?;
        let file = {
            let mut disk = self.shared.disk.lock();
            let file = disk.open_or_make(self.dir, &temporary)?;
            disk.truncate(file, 0);
            file
        };
        enter()?;
        self.shared.disk.lock().append(file, bytes)?;
        enter()?;
        self.shared.disk.lock().sync(file);
        enter()?;
        self.shared.disk.lock().rename(self.dir, &temporary, name)?;
        enter()?;
        self.shared.disk.lock().sync_dir(self.dir);
        Ok(())
    }

    fn rewrite(&self, name: &str, at: u64, bytes: &[u8]) -> io::Result<()> {
        check_name(name)?;
        let faults = &self.shared.faults;
        faults.check(Op::StoreOpen)?;
        let found = self.shared.disk.lock().find(self.dir, name);
        let file = found.ok_or(Errno::NOENT)?;
        let written = faults.check(Op::StoreAppend);
        if faults.is_off() {
            return written;
        }
        let part = if written.is_ok() {
            bytes.len()
        } else {
            bytes.len() / 2
        };
        let part = bytes.get(..part).unwrap_or_default();
        self.shared.disk.lock().overwrite(file, at, part)?;
        written?;
        let synced = faults.check(Op::StoreSync);
        if !faults.is_off() {
            let mut disk = self.shared.disk.lock();
            match synced {
                Ok(()) => disk.sync(file),
                Err(_) => disk.sync_failed(file),
            }
        }
        synced
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        check_name(from)?;
        check_name(to)?;
        self.shared.faults.check(Op::StoreRename)?;
        Ok(self.shared.disk.lock().rename(self.dir, from, to)?)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        check_name(name)?;
        self.shared.faults.check(Op::StoreRemove)?;
        Ok(self.shared.disk.lock().remove(self.dir, name)?)
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.shared.faults.check(Op::StoreSyncDir)?;
        self.shared.disk.lock().sync_dir(self.dir);
        Ok(())
    }

    fn subdir(&self, name: &str) -> io::Result<Box<dyn StoreDir>> {
        check_name(name)?;
        let existing = self.shared.disk.lock().entry(self.dir, name);
        let dir = match existing {
            Some(Node::Dir(dir)) => dir,
            Some(Node::File(_)) => return Err(Errno::NOTDIR.into()),
            None => {
                self.shared.faults.check(Op::StoreSubdir)?;
                self.shared.disk.lock().make_dir(self.dir, name)
            }
        };
        Ok(Box::new(Self {
            shared: Arc::clone(&self.shared),
            dir,
            index: None,
        }))
    }

    fn real_path(&self) -> Option<PathBuf> {
        self.index.clone()
    }

    fn free_bytes(&self) -> io::Result<u64> {
        Ok(self.shared.disk.lock().free())
    }
}
