//! Removing what is this program's own: stale sockets, and the store of a workspace that is purged.

use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// Removes a socket of ours; refuses anything else at that path.
///
/// # Errors
/// `NotFound`, `InvalidInput` where it is no socket, or whatever the system reports.
pub fn remove_socket(path: &Path) -> io::Result<()> {
    if !std::fs::symlink_metadata(path)?.file_type().is_socket() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{} is not a socket; move it away", path.display()),
        ));
    }
    rustix::fs::unlink(path)?;
    Ok(())
}

/// Removes a private directory of ours with everything in it. It is renamed first, so that a crash leaves
/// nothing that looks like a store.
///
/// # Errors
/// The directory is not private, or whatever the system reports.
#[expect(
    clippy::disallowed_methods,
    reason = "a purge removes a whole store, which is ours, private and outside of every workspace"
)]
pub fn remove_private_tree(path: &Path) -> io::Result<()> {
    super::check_private(path)?;
    let gone = path.with_extension("gone");
    std::fs::rename(path, &gone)?;
    std::fs::remove_dir_all(&gone)
}
