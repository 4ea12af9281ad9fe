//! Faults the harness plants: errors at the nth call of an operation, and the moment the power fails.
//! Does not decide what a crash leaves behind.

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::io::Errno;

/// A call into the simulated world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Op {
    /// `ReadDir::lstat`.
    Lstat,
    /// `ReadDir::scan`.
    Scan,
    /// `ReadDir::open`.
    Open,
    /// A read from an open file.
    Read,
    /// `OpenFile::stat`.
    Fstat,
    /// `ReadDir::read_link`.
    ReadLink,
    /// `ReadDir::has_writer`.
    HasWriter,
    /// `ReadDir::free_space`.
    FreeSpace,
    /// `ReadDir::fs_clock`.
    FsClock,
    /// `WriteDir::make_dir`.
    MakeDir,
    /// `WriteDir::create` and `create_from`.
    Create,
    /// `WriteDir::make_link`.
    MakeLink,
    /// `WriteDir::set_mode`.
    SetMode,
    /// `WriteDir::rename_new`.
    RenameNew,
    /// `WriteDir::exchange`.
    Exchange,
    /// `WriteDir::remove_file`.
    RemoveFile,
    /// `WriteDir::remove_dir`.
    RemoveDir,
    /// `WriteDir::sync_file`.
    SyncFile,
    /// `WriteDir::sync_dir`.
    SyncDir,
    /// `WriteDir::sync_everything`.
    SyncEverything,
    /// `Watch::add`.
    WatchAdd,
    /// `Watch::place_cookie`.
    Cookie,
    /// `StoreDir::append` (opening).
    StoreOpen,
    /// `AppendFile::append`.
    StoreAppend,
    /// `AppendFile::sync`.
    StoreSync,
    /// `AppendFile::truncate`.
    StoreTruncate,
    /// `StoreDir::read` and `ReadAt::read_exact_at`.
    StoreRead,
    /// Each of the steps of `StoreDir::replace`.
    StoreReplace,
    /// `StoreDir::rename`.
    StoreRename,
    /// `StoreDir::remove`.
    StoreRemove,
    /// `StoreDir::sync_dir`.
    StoreSyncDir,
    /// `StoreDir::subdir`, where it makes one.
    StoreSubdir,
}

impl Op {
    /// True where the call changes what a crash could leave behind, so that the power may fail just before.
    #[must_use]
    pub fn is_mutation(self) -> bool {
        !matches!(
            self,
            Self::Lstat
                | Self::Scan
                | Self::Open
                | Self::Read
                | Self::Fstat
                | Self::ReadLink
                | Self::HasWriter
                | Self::FreeSpace
                | Self::FsClock
                | Self::WatchAdd
                | Self::Cookie
                | Self::StoreRead
        )
    }
}

#[derive(Debug)]
struct Rule {
    op: Op,
    skip: u64,
    times: u64,
    errno: Errno,
}

#[derive(Debug, Default)]
struct Planted {
    rules: Vec<Rule>,
    mutations: u64,
    off_after: Option<u64>,
    off: bool,
    /// Raised by a crash or kill: handles of an older life answer `EIO`.
    life: u64,
}

/// The faults planted in one world. Clones are the same plant.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Planted>>);

impl Faults {
    /// The next call of `op` fails.
    pub fn fail_next(&self, op: Op, errno: Errno) {
        self.fail_after(op, 0, 1, errno);
    }

    /// `skip` calls of `op` work, then `times` fail; `u64::MAX` means for ever.
    pub fn fail_after(&self, op: Op, skip: u64, times: u64, errno: Errno) {
        self.0.lock().rules.push(Rule {
            op,
            skip,
            times,
            errno,
        });
    }

    /// Withdraws every planted error; a failed power stays off.
    pub fn heal(&self) {
        self.0.lock().rules.clear();
    }

    /// `mutations` more calls that change something work; the next one and everything after it fails with
    /// `EIO` until the world is crashed.
    pub fn power_off_after(&self, mutations: u64) {
        let mut planted = self.0.lock();
        planted.off_after = Some(planted.mutations.saturating_add(mutations));
    }

    /// True once the power has failed.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.0.lock().off
    }

    /// How many calls that change something were made, ever. The difference over one run is how many crash
    /// points it has.
    #[must_use]
    pub fn mutations(&self) -> u64 {
        self.0.lock().mutations
    }

    pub(crate) fn check(&self, op: Op) -> io::Result<()> {
        let mut planted = self.0.lock();
        if planted.off {
            return Err(Errno::IO.into());
        }
        if op.is_mutation() {
            if planted.off_after.is_some_and(|at| planted.mutations >= at) {
                planted.off = true;
                return Err(Errno::IO.into());
            }
            planted.mutations += 1;
        }
        let mut failure = None;
        for rule in planted.rules.iter_mut().filter(|rule| rule.op == op) {
            if rule.skip > 0 {
                rule.skip -= 1;
            } else if failure.is_none() {
                rule.times = rule.times.saturating_sub(u64::from(rule.times != u64::MAX));
                failure = Some(rule.errno);
            }
        }
        planted.rules.retain(|rule| rule.times > 0);
        failure.map_or(Ok(()), |errno| Err(errno.into()))
    }

    pub(crate) fn life(&self) -> u64 {
        self.0.lock().life
    }

    /// Refuses a handle that was opened before the last crash or kill.
    pub(crate) fn check_life(&self, life: u64) -> io::Result<()> {
        if self.life() == life {
            Ok(())
        } else {
            Err(Errno::IO.into())
        }
    }

    /// A new life of the process; the power is on again.
    pub(crate) fn restart(&self) {
        let mut planted = self.0.lock();
        planted.life += 1;
        planted.off = false;
        planted.off_after = None;
    }
}
