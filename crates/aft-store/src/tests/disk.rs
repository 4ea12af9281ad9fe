//! A disk in memory that forgets what was not synced, and that can be told to fail.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use aft_os::{AppendFile, LaterSync, ReadAt, StoreDir};
use parking_lot::Mutex;

#[derive(Clone, Default)]
struct FileData {
    bytes: Vec<u8>,
    /// What a power cut leaves.
    durable: Vec<u8>,
}

impl FileData {
    /// A sync failed: the kernel dropped the pages and calls them clean.
    fn drop_pages(&mut self) {
        let start = self.durable.len().min(self.bytes.len());
        self.bytes[start..].fill(0);
        self.durable = self.bytes.clone();
    }
}

#[derive(Default)]
struct State {
    files: BTreeMap<String, Arc<Mutex<FileData>>>,
    durable_names: BTreeMap<String, Arc<Mutex<FileData>>>,
    /// Counts down at every append and sync; at zero the call fails, and all later ones with `for_ever`.
    fail_in: Option<u64>,
    for_ever: bool,
    calls: u64,
    syncs: u64,
}

/// Clones share one disk.
#[derive(Clone, Default)]
pub(crate) struct Disk(Arc<Mutex<State>>);

impl Disk {
    /// What is on the disk after a power cut now, as a disk of its own.
    pub(crate) fn after_power_cut(&self) -> Self {
        let state = self.0.lock();
        let mut files = BTreeMap::new();
        for (name, file) in &state.durable_names {
            let durable = file.lock().durable.clone();
            files.insert(
                name.clone(),
                FileData {
                    bytes: durable.clone(),
                    durable,
                },
            );
        }
        Self::of(files)
    }

    /// What is in the files after the process was killed now.
    pub(crate) fn after_kill(&self) -> Self {
        let state = self.0.lock();
        let copy = |file: &Arc<Mutex<FileData>>| {
            let bytes = file.lock().bytes.clone();
            FileData {
                durable: bytes.clone(),
                bytes,
            }
        };
        Self::of(
            state
                .files
                .iter()
                .map(|(name, file)| (name.clone(), copy(file)))
                .collect(),
        )
    }

    fn of(files: BTreeMap<String, FileData>) -> Self {
        let files: BTreeMap<_, _> = files
            .into_iter()
            .map(|(name, data)| (name, Arc::new(Mutex::new(data))))
            .collect();
        let state = State {
            durable_names: files.clone(),
            files,
            ..State::default()
        };
        Self(Arc::new(Mutex::new(state)))
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.0.lock().files.keys().cloned().collect()
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        self.0.lock().files[name].lock().bytes.clone()
    }

    /// Replaces a file behind the store's back.
    pub(crate) fn set_bytes(&self, name: &str, bytes: Vec<u8>) {
        let data = FileData {
            durable: bytes.clone(),
            bytes,
        };
        let file = Arc::new(Mutex::new(data));
        let mut state = self.0.lock();
        state.files.insert(name.to_owned(), file.clone());
        state.durable_names.insert(name.to_owned(), file);
    }

    pub(crate) fn fail_in(&self, calls: u64, for_ever: bool) {
        let mut state = self.0.lock();
        state.fail_in = Some(calls);
        state.for_ever = for_ever;
    }

    pub(crate) fn heal(&self) {
        self.0.lock().fail_in = None;
    }

    pub(crate) fn calls(&self) -> u64 {
        self.0.lock().calls
    }

    pub(crate) fn syncs(&self) -> u64 {
        self.0.lock().syncs
    }

    fn call(&self) -> io::Result<()> {
        let mut state = self.0.lock();
        state.calls += 1;
        match state.fail_in {
            Some(0) => {
                if !state.for_ever {
                    state.fail_in = None;
                }
                Err(io::Error::other("injected"))
            }
            Some(left) => {
                state.fail_in = Some(left - 1);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn file(&self, name: &str) -> io::Result<Arc<Mutex<FileData>>> {
        let state = self.0.lock();
        state
            .files
            .get(name)
            .cloned()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

struct Handle {
    disk: Disk,
    data: Arc<Mutex<FileData>>,
}

impl AppendFile for Handle {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.disk.call() {
            // A short write, as a full disk gives.
            self.data
                .lock()
                .bytes
                .extend_from_slice(&bytes[..bytes.len() / 2]);
            return Err(error);
        }
        self.data.lock().bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let failed = self.disk.call();
        self.disk.0.lock().syncs += 1;
        let mut data = self.data.lock();
        if failed.is_err() {
            data.drop_pages();
            return failed;
        }
        data.durable = data.bytes.clone();
        Ok(())
    }

    fn later_sync(&self) -> io::Result<LaterSync> {
        let (disk, data) = (self.disk.clone(), self.data.clone());
        let through = data.lock().bytes.len();
        Ok(Box::new(move || {
            let failed = disk.call();
            disk.0.lock().syncs += 1;
            let mut data = data.lock();
            if failed.is_err() {
                data.drop_pages();
                return failed;
            }
            let end = through.min(data.bytes.len());
            if end > data.durable.len() {
                data.durable = data.bytes[..end].to_vec();
            }
            Ok(())
        }))
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.disk.call()?;
        self.data.lock().bytes.truncate(len as usize);
        Ok(())
    }

    fn len(&self) -> u64 {
        self.data.lock().bytes.len() as u64
    }
}

impl ReadAt for Handle {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let data = self.data.lock();
        let end = offset as usize + buf.len();
        let bytes = data
            .bytes
            .get(offset as usize..end)
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        buf.copy_from_slice(bytes);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.data.lock().bytes.len() as u64)
    }
}

impl StoreDir for Disk {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.names())
    }

    fn append(&self, name: &str) -> io::Result<Box<dyn AppendFile>> {
        let data = self
            .0
            .lock()
            .files
            .entry(name.to_owned())
            .or_default()
            .clone();
        Ok(Box::new(Handle {
            disk: self.clone(),
            data,
        }))
    }

    fn read(&self, name: &str) -> io::Result<Box<dyn ReadAt>> {
        Ok(Box::new(Handle {
            disk: self.clone(),
            data: self.file(name)?,
        }))
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.call()?;
        self.set_bytes(name, bytes.to_vec());
        Ok(())
    }

    fn rewrite(&self, name: &str, at: u64, bytes: &[u8]) -> io::Result<()> {
        let data = self.file(name)?;
        let written = self.call();
        let part = bytes.len() / if written.is_ok() { 1 } else { 2 };
        {
            let mut data = data.lock();
            let end = at as usize + part;
            let len = data.bytes.len().max(end);
            data.bytes.resize(len, 0);
            data.bytes[at as usize..end].copy_from_slice(&bytes[..part]);
        }
        written?;
        let disk = self.clone();
        Handle { disk, data }.sync()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.0.lock();
        let file = state.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.files.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let removed = self.0.lock().files.remove(name);
        removed
            .map(|_| ())
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.call()?;
        let mut state = self.0.lock();
        state.durable_names = state.files.clone();
        Ok(())
    }

    fn subdir(&self, _name: &str) -> io::Result<Box<dyn StoreDir>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn real_path(&self) -> Option<PathBuf> {
        None
    }

    fn free_bytes(&self) -> io::Result<u64> {
        Ok(u64::MAX)
    }
}
