//! A configuration file replaced as a whole: written beside the old one and renamed over it, so that no reader ever sees
//! half of it. A symbolic link stays one; what it leads to is replaced.
//!
//! Does not: know what is in the file.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::Mode;

use crate::failure::Failure;

/// Longer than this is no configuration.
const LENGTH_MAX: u64 = 16 << 20;
const BACKUP_ENDING: &str = ".before-afterimage";
const NEW_ENDING: &str = ".afterimage-new";

/// What is there; `None` is nothing.
pub(super) fn read(file: &Path) -> Result<Option<String>, Failure> {
    let refused =
        |error: &std::io::Error| Failure::io(format!("`{}` cannot be read", file.display()), error);
    let opened = match File::open(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refused(&error)),
    };
    let mut text = String::new();
    opened
        .take(LENGTH_MAX + 1)
        .read_to_string(&mut text)
        .map_err(|error| refused(&error))?;
    if text.len() as u64 > LENGTH_MAX {
        let error = std::io::Error::from(ErrorKind::FileTooLarge);
        return Err(refused(&error));
    }
    Ok(Some(text))
}

/// Puts `after` in the place of `before` and returns where `before` is kept now.
pub(super) fn replace(
    file: &Path,
    before: Option<&str>,
    after: Option<&str>,
) -> Result<Option<PathBuf>, Failure> {
    let refused = |error: &std::io::Error| {
        Failure::io(format!("`{}` cannot be written", file.display()), error)
    };
    let file = real(file).map_err(|error| refused(&error))?;
    if let Some(directory) = file.parent() {
        make_directories(directory).map_err(|error| refused(&error))?;
    }
    if read(&file)?.as_deref() != before {
        let error = std::io::Error::other("it was changed a moment ago; run this again");
        return Err(refused(&error));
    }
    let mode = file.metadata().map_or(0o644, |old| old.mode() & 0o777);
    // A file that is gone altogether was ours alone, and needs no copy.
    let backup = match (before, after) {
        (Some(before), Some(_)) => {
            let backup = with_ending(&file, BACKUP_ENDING);
            write(&backup, before, mode).map_err(|error| refused(&error))?;
            Some(backup)
        }
        _ => None,
    };
    match after {
        Some(after) => write(&file, after, mode).map_err(|error| refused(&error))?,
        None => rustix::fs::unlink(&file).map_err(|error| refused(&error.into()))?,
    }
    Ok(backup)
}

/// Where a link leads, also where nothing is there yet.
fn real(file: &Path) -> std::io::Result<PathBuf> {
    let mut file = file.to_owned();
    for _ in 0..40 {
        match rustix::fs::readlink(&file, Vec::new()) {
            Ok(target) => {
                use std::os::unix::ffi::OsStrExt;
                let target = Path::new(std::ffi::OsStr::from_bytes(target.to_bytes())).to_owned();
                file = match file.parent() {
                    Some(directory) => directory.join(target),
                    None => target,
                };
            }
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOENT) => return Ok(tidied(file)),
            Err(error) => return Err(error.into()),
        }
    }
    Err(rustix::io::Errno::LOOP.into())
}

/// Without `..` where the directory is there.
fn tidied(file: PathBuf) -> PathBuf {
    let directory = file.parent().and_then(|parent| parent.canonicalize().ok());
    match (directory, file.file_name()) {
        (Some(directory), Some(name)) => directory.join(name),
        _ => file,
    }
}

fn make_directories(directory: &Path) -> std::io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    if let Some(parent) = directory.parent() {
        make_directories(parent)?;
    }
    match rustix::fs::mkdir(directory, Mode::from_raw_mode(0o755)) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn with_ending(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn write(file: &Path, text: &str, mode: u32) -> std::io::Result<()> {
    let new = with_ending(file, NEW_ENDING);
    // One that a crash left is nobody's.
    match rustix::fs::unlink(&new) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => {}
        Err(error) => return Err(error.into()),
    }
    let mut opened = File::options()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&new)?;
    rustix::fs::fchmod(&opened, Mode::from_raw_mode(mode))?;
    opened.write_all(text.as_bytes())?;
    opened.sync_all()?;
    rustix::fs::rename(&new, file)?;
    Ok(())
}
