//! Where the command stands: the current directory, the workspace it is about, and paths of the command
//! line made absolute.
//!
//! Does not: know which workspace a path belongs to. The daemon does, and takes absolute paths.

#[cfg(test)]
mod tests;

use std::path::{Component, Path, PathBuf};

use aft_rpc::ExitKind;

use crate::failure::Failure;

/// The current directory is read at most once, and only when something is relative to it.
pub(crate) struct Place {
    chosen: Option<PathBuf>,
    current: Option<PathBuf>,
    workspace: Option<PathBuf>,
}

impl Place {
    /// `chosen` is `-w`.
    pub(crate) fn new(chosen: Option<PathBuf>) -> Self {
        Self {
            chosen,
            current: None,
            workspace: None,
        }
    }

    /// The same with a given current directory.
    #[cfg(test)]
    pub(crate) fn at(current: &Path, chosen: Option<PathBuf>) -> Self {
        Self {
            chosen,
            current: Some(current.to_owned()),
            workspace: None,
        }
    }

    /// The current directory, as the kernel names it.
    pub(crate) fn current(&mut self) -> Result<&Path, Failure> {
        let current = match self.current.take() {
            Some(current) => current,
            None => std::env::current_dir().map_err(|error| {
                Failure::io("the current directory cannot be told", &error)
                    .with_remedy("It may have been deleted; change to another one.")
            })?,
        };
        Ok(self.current.insert(current))
    }

    /// Whether `-w` was given.
    pub(crate) fn is_chosen(&self) -> bool {
        self.chosen.is_some()
    }

    /// A directory in the workspace: `-w`, else the current directory.
    pub(crate) fn workspace(&mut self) -> Result<&Path, Failure> {
        let workspace = match (self.workspace.take(), self.chosen.clone()) {
            (Some(workspace), _) => workspace,
            (None, Some(chosen)) => self.directory(&chosen)?,
            (None, None) => self.current()?.to_owned(),
        };
        Ok(self.workspace.insert(workspace))
    }

    /// The same if it was asked for already.
    pub(crate) fn known_workspace(&self) -> Option<&Path> {
        self.workspace.as_deref()
    }

    /// A directory of the command line, absolute, with symbolic links resolved as far as it exists.
    pub(crate) fn directory(&mut self, path: &Path) -> Result<PathBuf, Failure> {
        let absolute = self.absolute(path)?;
        Ok(resolve(&absolute))
    }

    /// A path of the command line, absolute. Symbolic links on the way to it are resolved, the path
    /// itself is not, because a link is a thing with a history of its own.
    pub(crate) fn path(&mut self, path: &Path) -> Result<PathBuf, Failure> {
        let absolute = self.absolute(path)?;
        match (absolute.parent(), absolute.file_name()) {
            (Some(parent), Some(name)) if ends_in_name(&absolute) => Ok(resolve(parent).join(name)),
            _ => Ok(resolve(&absolute)),
        }
    }

    fn absolute(&mut self, path: &Path) -> Result<PathBuf, Failure> {
        if path.as_os_str().is_empty() {
            return Err(Failure::new(ExitKind::Usage, "an empty path names nothing"));
        }
        if path.is_absolute() {
            Ok(path.to_owned())
        } else {
            Ok(self.current()?.join(path))
        }
    }
}

fn ends_in_name(path: &Path) -> bool {
    matches!(path.components().next_back(), Some(Component::Normal(_)))
}

/// Resolves symbolic links, `.` and `..` in the part of an absolute path that exists; what is gone (a
/// deleted file's directory, say) is taken as it is written.
fn resolve(path: &Path) -> PathBuf {
    if let Ok(resolved) = path.canonicalize() {
        return resolved;
    }
    let mut resolved = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::Normal(name) => {
                let next = resolved.join(name);
                resolved = next.canonicalize().unwrap_or(next);
            }
            Component::ParentDir => {
                resolved.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    resolved
}
