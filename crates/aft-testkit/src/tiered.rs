//! A store directory of two places: what grows is near, what is whole and never changes again is far, as objects by name.
//!
//! Does: show that a remote tier fits behind [`StoreDir`] without a change above it: ship a file away, read it by ranges
//! where it is now, bring it back where somebody wants to write into it.
//! Does not: decide when to ship, retry, or reach a network; [`Objects`] is in memory and may be told to be out of reach.
//!
//! I1 A name is in one place for whoever asks: near wins while it is in both.
//! I2 An object is far before its file is not near any more, and its sum has been compared.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use aft_os::{AppendFile, ReadAt, StoreDir};
use parking_lot::Mutex;

/// Objects by name: put whole, read by ranges, never changed.
#[derive(Clone, Default)]
pub struct Objects(Arc<Mutex<Held>>);

#[derive(Default)]
struct Held {
    objects: BTreeMap<String, (Arc<[u8]>, [u8; 32])>,
    is_out_of_reach: bool,
}

impl Objects {
    /// Whether it answers.
    pub fn set_reach(&self, is_reached: bool) {
        self.0.lock().is_out_of_reach = !is_reached;
    }

    /// Names, sorted.
    ///
    /// # Errors
    /// It is out of reach.
    pub fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.reached()?.objects.keys().cloned().collect())
    }

    /// Takes an object whose BLAKE3 sum is `sum`.
    ///
    /// # Errors
    /// It is out of reach, the sum is another one, or there is an object of that name already.
    pub fn put(&self, name: &str, bytes: &[u8], sum: [u8; 32]) -> io::Result<()> {
        let mut held = self.reached()?;
        if *blake3::hash(bytes).as_bytes() != sum {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if held.objects.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        held.objects.insert(name.to_owned(), (bytes.into(), sum));
        Ok(())
    }

    /// The sum of an object.
    ///
    /// # Errors
    /// It is out of reach, or there is none.
    pub fn sum(&self, name: &str) -> io::Result<[u8; 32]> {
        let held = self.reached()?;
        let object = held.objects.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(object.1)
    }

    /// Removes an object.
    ///
    /// # Errors
    /// It is out of reach, or there is none.
    pub fn delete(&self, name: &str) -> io::Result<()> {
        let gone = self.reached()?.objects.remove(name);
        gone.map(drop).ok_or(io::ErrorKind::NotFound.into())
    }

    fn bytes(&self, name: &str) -> io::Result<Arc<[u8]>> {
        let held = self.reached()?;
        let object = held.objects.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::clone(&object.0))
    }

    fn reached(&self) -> io::Result<parking_lot::MutexGuard<'_, Held>> {
        let held = self.0.lock();
        if held.is_out_of_reach {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(held)
    }
}

/// The two places as one directory.
#[derive(Clone)]
pub struct TieredDir {
    near: Arc<dyn StoreDir>,
    far: Objects,
}

struct FarFile {
    far: Objects,
    name: String,
}

impl TieredDir {
    /// What grows is in `near`, what is shipped goes to `far`.
    #[must_use]
    pub fn new(near: Arc<dyn StoreDir>, far: Objects) -> Self {
        Self { near, far }
    }

    /// Ships a file that will never change again.
    ///
    /// # Errors
    /// Either place; the file is near as before then.
    pub fn ship(&self, name: &str) -> io::Result<()> {
        let bytes = whole(&*self.near.read(name)?)?;
        let sum = *blake3::hash(&bytes).as_bytes();
        match self.far.put(name, &bytes, sum) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.far.delete(name)?;
                self.far.put(name, &bytes, sum)?;
            }
            other => other?,
        }
        if self.far.sum(name)? != sum {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.near.remove(name)
    }

    /// Somebody wants to write into it.
    fn bring_back(&self, name: &str) -> io::Result<()> {
        if self.near.read(name).is_err()
            && let Ok(bytes) = self.far.bytes(name)
        {
            self.near.replace(name, &bytes)?;
            self.far.delete(name)?;
        }
        Ok(())
    }
}

fn whole(file: &dyn ReadAt) -> io::Result<Vec<u8>> {
    let len = usize::try_from(file.len()?).map_err(io::Error::other)?;
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

impl ReadAt for FarFile {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let bytes = self.far.bytes(&self.name)?;
        let from = usize::try_from(offset).map_err(io::Error::other)?;
        let found = bytes.get(from..).and_then(|rest| rest.get(..buf.len()));
        buf.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.far.bytes(&self.name)?.len() as u64)
    }
}

impl StoreDir for TieredDir {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = self.near.list()?;
        names.extend(self.far.list()?);
        names.sort();
        names.dedup();
        Ok(names)
    }

    fn append(&self, name: &str) -> io::Result<Box<dyn AppendFile>> {
        self.bring_back(name)?;
        self.near.append(name)
    }

    fn read(&self, name: &str) -> io::Result<Box<dyn ReadAt>> {
        match self.near.read(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.far.sum(name)?;
                let (far, name) = (self.far.clone(), name.to_owned());
                Ok(Box::new(FarFile { far, name }))
            }
            other => other,
        }
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.near.replace(name, bytes)
    }

    fn rewrite(&self, name: &str, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.bring_back(name)?;
        self.near.rewrite(name, at, bytes)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.bring_back(from)?;
        self.near.rename(from, to)?;
        match self.far.delete(to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let near = self.near.remove(name);
        match self.far.delete(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => near,
            other => other,
        }
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.near.sync_dir()
    }

    fn subdir(&self, name: &str) -> io::Result<Box<dyn StoreDir>> {
        self.near.subdir(name)
    }

    fn real_path(&self) -> Option<PathBuf> {
        self.near.real_path()
    }

    fn disk_bytes(&self) -> io::Result<u64> {
        self.near.disk_bytes()
    }

    fn free_bytes(&self) -> io::Result<u64> {
        self.near.free_bytes()
    }
}
