//! A file system in an image whose power can be cut: nothing that was not flushed is there afterwards.
//!
//! Does: make, mount, cut, mount again and remove it. ext4 and xfs are told to stop without writing their logs; of
//! btrfs, which cannot be told, the image is cloned at that moment, and the clone is what is mounted next.
//! Does not: lose what a disk would keep in a cache of its own; every block that was given to the image stays.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aft_testkit::workspace::wait_until;

use super::{machine, unavailable};

/// How the file system is made and mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// As most people have it.
    Ext4,
    /// Without what ext4 does for programs that forget to sync, and with a journal that waits. Not with
    /// `data=writeback`: a file that was being put back may then hold blocks of any file that was deleted before, which
    /// nobody can tell from an edit; it is kept, and listed as a conflict.
    Ext4Lazy,
    Xfs,
    /// Cut by cloning the image, which lies on an xfs of its own.
    Btrfs,
}

/// All of them.
pub(super) const KINDS: [Kind; 4] = [Kind::Ext4, Kind::Ext4Lazy, Kind::Xfs, Kind::Btrfs];

/// The file system. Unmounted when dropped: drop who uses it first.
#[derive(Debug)]
pub(super) struct Disk {
    kind: Kind,
    at: PathBuf,
    image: PathBuf,
    /// Where the image's own file system is mounted, if it has one.
    below: Option<PathBuf>,
    _place: tempfile::TempDir,
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

fn image(path: &Path, mib: u64) -> Result<(), String> {
    let file = fs::File::create(path).map_err(|error| error.to_string())?;
    file.set_len(mib << 20).map_err(|error| error.to_string())
}

impl Disk {
    /// Makes and mounts one; `None`, said loudly, where the machine cannot.
    #[track_caller]
    pub(super) fn make(kind: Kind) -> Option<Self> {
        if !fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0) {
            unavailable("only root can mount a file system and cut its power");
            return None;
        }
        let place = tempfile::Builder::new().prefix("aft-disk-").tempdir();
        let place = place.expect("a directory");
        let at = place.path().join("disk");
        fs::create_dir(&at).expect("a mount point");
        let mut disk = Self {
            kind,
            at,
            image: place.path().join("image"),
            below: None,
            _place: place,
        };
        match disk.set_up() {
            Ok(()) => Some(disk),
            Err(reason) => {
                unavailable(&format!("no {kind:?} to cut: {reason}"));
                None
            }
        }
    }

    fn set_up(&mut self) -> Result<(), String> {
        if self.kind == Kind::Btrfs {
            let below = self.at.with_file_name("below");
            fs::create_dir(&below).map_err(|error| error.to_string())?;
            image(&self.image, 1400)?;
            machine("mkfs.xfs", &["-q", "-m", "reflink=1", text(&self.image)])?;
            machine("mount", &["-o", "loop", text(&self.image), text(&below)])?;
            self.image = below.join("image");
            self.below = Some(below);
        } else {
            machine("xfs_io", &["-V"])?;
        }
        image(&self.image, 500)?;
        match self.kind {
            Kind::Ext4 | Kind::Ext4Lazy => {
                machine("mkfs.ext4", &["-q", "-m", "0", text(&self.image)])?;
            }
            Kind::Xfs => machine("mkfs.xfs", &["-q", text(&self.image)])?,
            Kind::Btrfs => machine("mkfs.btrfs", &["-q", text(&self.image)])?,
        }
        self.mount()?;
        machine("chmod", &["0700", text(&self.at)])
    }

    fn mount(&self) -> Result<(), String> {
        let options = match self.kind {
            Kind::Ext4Lazy => "loop,noauto_da_alloc,commit=300",
            _ => "loop",
        };
        machine("mount", &["-o", options, text(&self.image), text(&self.at)])
    }

    /// Where it is mounted.
    pub(super) fn at(&self) -> &Path {
        &self.at
    }

    /// Everything on it survives a cut from here on.
    pub(super) fn sync(&self) {
        machine("sync", &["-f", text(&self.at)]).expect("it is synced");
    }

    /// The power goes: what is not on the disk now never will be.
    pub(super) fn cut(&self) {
        let cut = match self.kind {
            Kind::Btrfs => {
                let clone = self.image.with_extension("cut");
                machine("cp", &["--reflink=always", text(&self.image), text(&clone)])
            }
            _ => machine("xfs_io", &["-x", "-c", "shutdown", text(&self.at)]),
        };
        cut.expect("the power is cut");
    }

    /// Mounts what survived. Nobody may use it any more.
    #[track_caller]
    pub(super) fn come_back(&mut self) {
        wait_until(Duration::from_secs(20), "nobody uses the disk", || {
            machine("umount", &[text(&self.at)]).is_ok()
        });
        if self.kind == Kind::Btrfs {
            fs::rename(self.image.with_extension("cut"), &self.image).expect("what survived");
        }
        self.mount().expect("it is mounted again");
    }

    /// What the file system's own checker says.
    #[track_caller]
    pub(super) fn check(self) {
        machine("umount", &[text(&self.at)]).expect("nobody uses it");
        let image = text(&self.image);
        let checked = match self.kind {
            Kind::Ext4 | Kind::Ext4Lazy => machine("e2fsck", &["-fn", image]),
            Kind::Xfs => machine("xfs_repair", &["-n", image]),
            Kind::Btrfs => machine("btrfs", &["check", "--readonly", image]),
        };
        checked.expect("the file system is sound");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        for at in [Some(&self.at), self.below.as_ref()].into_iter().flatten() {
            // It is not mounted where `check` was called or making it failed.
            machine("umount", &["-l", text(at)]).unwrap_or_default();
        }
    }
}
