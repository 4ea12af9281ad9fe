//! The operating system behind four seams: files, watching, clocks and processes.
//!
//! Does: define the traits [`ReadDir`], [`WriteDir`], [`StoreDir`], [`Watch`], [`Clock`] and
//! [`Process`], and implement them on Linux. Every path operation is relative to an open
//! directory and stays beneath it.
//! Does not: know what an operation, a session or a plan is; decide what to read, watch or write.
//! This is the only crate with `unsafe` code, and the only one that calls the file system.
//!
//! Start reading at [`fs`], then [`watch`].
//!
//! I1 No call here follows a symbolic link, a `..` or a mount out of the directory it was given.
//! I2 A writable handle is a value: who holds no [`WriteDir`] cannot write in a workspace.
//! I3 The thread that drains the kernel's queue does nothing else.

pub mod clock;
pub mod fs;
pub mod home;
pub mod outside;
pub mod process;
pub mod store_dir;
pub mod watch;
pub mod writers;

pub use clock::{Clock, SystemClock};
pub use fs::real::{FsKind, RealRoot, WritableRoot};
pub use fs::{OpenFile, ReadDir, Rights, RootId, ScanEntry, WriteDir};
pub use process::{Process, SystemProcess};
pub use store_dir::real::{LockGuard, RealStoreDir};
pub use store_dir::{AppendFile, LaterSync, ReadAt, StoreDir};
pub use watch::inotify::InotifyWatch;
pub use watch::notify::NotifyWatch;
pub use watch::poll::PollWatch;
pub use watch::{Signal, SignalKind, SignalSink, Watch, WatchError};
pub use writers::Writers;
pub use writers::kernel::KernelWriters;
