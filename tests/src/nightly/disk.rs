//! A file system in an image whose power can be cut: nothing that was not flushed is there afterwards.
//!
//! Does: make, mount, cut, mount again and remove it. ext4 and xfs are told to stop without writing their logs; of
//! btrfs, which cannot be told, the image is cloned at that moment, and the clone is what is mounted next.
//! Does not: lose what a disk would keep in a cache of its own, unless it is recorded: every block that was given to the
//! image stays.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aft_testkit::workspace::wait_until;

use super::recorder::{Recorder, Recording, Wanted};
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
    /// Who remembers what is written.
    recorder: Option<Recorder>,
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
        let disk = Self::unmounted(kind)?;
        disk.ready().expect("it is mounted");
        Some(disk)
    }

    /// The same, and every block that is written is remembered in its order.
    #[track_caller]
    pub(super) fn recorded(kind: Kind) -> Option<Self> {
        let mut disk = Self::unmounted(kind)?;
        disk.recorder = Some(Recorder::over(&disk.image)?);
        disk.ready().expect("it is mounted");
        Some(disk)
    }

    #[track_caller]
    fn unmounted(kind: Kind) -> Option<Self> {
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
            recorder: None,
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
        Ok(())
    }

    fn ready(&self) -> Result<(), String> {
        self.mount()?;
        machine("chmod", &["0700", text(&self.at)])
    }

    fn mount(&self) -> Result<(), String> {
        let options = match self.kind {
            Kind::Ext4Lazy => "loop,noauto_da_alloc,commit=300",
            _ => "loop",
        };
        let recorded = self.recorder.as_ref().map(Recorder::disk);
        let image = recorded.as_ref().unwrap_or(&self.image);
        machine("mount", &["-o", options, text(image), text(&self.at)])
    }

    /// Where it is mounted.
    pub(super) fn at(&self) -> &Path {
        &self.at
    }

    /// Everything on it survives a cut from here on.
    pub(super) fn sync(&self) {
        machine("sync", &["-f", text(&self.at)]).expect("it is synced");
    }

    /// Whether whoever has it mounted can still write after the cut, into what is not mounted next.
    pub(super) fn outlives_its_cut(&self) -> bool {
        self.kind == Kind::Btrfs
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
        self.unmount();
        if self.kind == Kind::Btrfs {
            fs::rename(self.image.with_extension("cut"), &self.image).expect("what survived");
        }
        self.mount().expect("it is mounted again");
    }

    #[track_caller]
    fn unmount(&self) {
        wait_until(Duration::from_secs(20), "nobody uses the disk", || {
            machine("umount", &[text(&self.at)]).is_ok()
        });
    }

    /// Who remembers what is written to it.
    pub(super) fn recorder(&self) -> Option<&Recorder> {
        self.recorder.as_ref()
    }

    /// Nothing is mounted and nothing remembered any more; what was written until then.
    #[track_caller]
    pub(super) fn end_recording(&mut self) -> Recording {
        self.unmount();
        let recorder = self.recorder.take().expect("it was recorded");
        recorder.end()
    }

    /// Mounts what a machine would find whose power went at that moment.
    #[track_caller]
    pub(super) fn show(&self, recording: &Recording, wanted: &Wanted) {
        recording.build(&self.image, wanted);
        self.mount().expect("what was flushed can be mounted");
    }

    /// Nothing is mounted any more, and the file system is sound.
    #[track_caller]
    pub(super) fn take_away(&self) {
        self.unmount();
        self.is_sound();
    }

    /// What the file system's own checker says.
    #[track_caller]
    pub(super) fn check(self) {
        machine("umount", &[text(&self.at)]).expect("nobody uses it");
        self.is_sound();
    }

    #[track_caller]
    fn is_sound(&self) {
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
