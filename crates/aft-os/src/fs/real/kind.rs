//! What kind of file system a root lies on, and what follows from it for watching and for time stamps.

use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::sync::LazyLock;

/// The kind of a file system, by the magic number `statfs` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FsKind {
    name: &'static str,
    origin: Origin,
    stamps: Stamps,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// Every change passes through this kernel.
    Local,
    /// Changes can come from elsewhere and raise no event here.
    Remote,
    /// Nothing is known.
    Unknown,
}

/// How fine time stamps are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stamps {
    /// A stat makes the next change get a stamp of its own (Linux 6.13).
    Multigrain,
    /// One tick of the kernel.
    Tick,
    /// Two seconds, as FAT has them, or unknown.
    Coarse,
}

const TICK_NS: i64 = 10_000_000;
const COARSE_NS: i64 = 2_000_000_000;

impl FsKind {
    /// Asks the system about the file system `fd` lies on.
    pub(super) fn of(fd: impl AsFd) -> io::Result<Self> {
        let stat = rustix::fs::fstatfs(fd)?;
        // The field is signed on some machines; the magic numbers are 32 bits wide on all.
        Ok(Self::from_magic((stat.f_type as u64 & 0xffff_ffff) as u32))
    }

    fn from_magic(magic: u32) -> Self {
        use Origin::{Local, Remote, Unknown};
        use Stamps::{Coarse, Multigrain, Tick};
        let (name, origin, stamps) = match magic {
            0xef53 => ("ext4", Local, Multigrain),
            0x5846_5342 => ("xfs", Local, Multigrain),
            0x9123_683e => ("btrfs", Local, Multigrain),
            0x0102_1994 => ("tmpfs", Local, Multigrain),
            0x794c_7630 => ("overlay", Local, Tick),
            0xf2f5_2010 => ("f2fs", Local, Tick),
            0x2fc1_2fc1 => ("zfs", Local, Tick),
            0xca45_1a4e => ("bcachefs", Local, Tick),
            0x8584_58f6 => ("ramfs", Local, Tick),
            0x4d44 => ("vfat", Local, Coarse),
            0x2011_bab0 => ("exfat", Local, Coarse),
            0x7366_746e => ("ntfs3", Local, Coarse),
            0x6969 => ("nfs", Remote, Coarse),
            0x517b | 0xff53_4d42 | 0xfe53_4d42 => ("cifs", Remote, Coarse),
            0x6573_5546 => ("fuse", Remote, Coarse),
            0x0102_1997 => ("9p", Remote, Coarse),
            0x00c3_6400 => ("ceph", Remote, Coarse),
            0x5346_414f => ("afs", Remote, Coarse),
            _ => ("unknown", Unknown, Coarse),
        };
        Self {
            name,
            origin,
            stamps,
        }
    }

    /// Its name, `unknown` where the number is in no list here.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.name
    }

    /// True where every change raises an event. Elsewhere the workspace must be polled, whether it is watched or not.
    #[must_use]
    pub fn gives_events(self) -> bool {
        self.origin == Origin::Local
    }

    /// True where it is not known that every name is its own. On some others single directories can be switched.
    pub(super) fn may_fold_names(self) -> bool {
        !matches!(
            self.name,
            "ext4" | "xfs" | "btrfs" | "tmpfs" | "overlay" | "f2fs" | "bcachefs" | "ramfs"
        )
    }

    /// True where `syncfs` makes everything durable and tells of what could not be written.
    pub(super) fn syncs_whole(self) -> bool {
        let is_known = matches!(self.name, "ext4" | "xfs" | "btrfs" | "f2fs" | "tmpfs");
        is_known && *KERNEL_TELLS_OF_SYNCFS
    }

    /// How coarse time stamps are. Zero means that two changes with a stat between them never share one.
    pub(super) fn granularity_ns(self) -> i64 {
        match self.stamps {
            Stamps::Multigrain if *KERNEL_IS_MULTIGRAIN => 0,
            Stamps::Multigrain | Stamps::Tick => TICK_NS,
            Stamps::Coarse => COARSE_NS,
        }
    }
}

impl fmt::Display for FsKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Multigrain time stamps came with Linux 6.13.
static KERNEL_IS_MULTIGRAIN: LazyLock<bool> = LazyLock::new(|| is_since(&release(), (6, 13)));

/// Before Linux 5.8 `syncfs` said nothing of a failed write.
static KERNEL_TELLS_OF_SYNCFS: LazyLock<bool> = LazyLock::new(|| is_since(&release(), (5, 8)));

fn release() -> String {
    std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default()
}

fn is_since(release: &str, version: (u32, u32)) -> bool {
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map(|part| part.parse::<u32>().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= version
}

#[cfg(test)]
mod tests;
