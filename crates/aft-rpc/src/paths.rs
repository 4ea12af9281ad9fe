//! Where things are: store, sockets, configuration. Only the environment decides.
//!
//! Does not: make directories or look whether anything is there.

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::types::hello::Role;

/// Longest path of a Unix socket that Linux takes, its final NUL not counted.
const SUN_PATH_MAX: usize = 107;

/// Why the places cannot be told.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PathsError {
    /// None of the variables that decide is set.
    #[error("neither {0} nor HOME is set; set one of them to an absolute path")]
    NoHome(&'static str),
    /// A variable holds a relative path.
    #[error("{0} is `{1}`, which is not an absolute path")]
    Relative(&'static str, String),
    /// The socket's path does not fit into a socket address.
    #[error(
        "`{0}` is longer than the {SUN_PATH_MAX} bytes a socket's path may have; set AFT_RUNTIME_DIR to a shorter directory"
    )]
    SocketPathTooLong(String),
}

/// Where things are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The store: `$AFT_HOME`, else `$XDG_STATE_HOME/afterimage`, else `~/.local/state/afterimage`.
    pub home: PathBuf,
    /// The sockets: `$AFT_RUNTIME_DIR`, else `$XDG_RUNTIME_DIR/afterimage`, else `$AFT_HOME/run`.
    pub runtime_dir: PathBuf,
    /// The user's configuration: `$AFT_CONFIG`, else `$XDG_CONFIG_HOME/afterimage/config.toml`, else
    /// `~/.config/afterimage/config.toml`.
    pub config: PathBuf,
}

impl Paths {
    /// From this process's environment.
    ///
    /// # Errors
    /// [`PathsError`] names the variable to set.
    pub fn from_env() -> Result<Self, PathsError> {
        Self::from_lookup(|name| std::env::var_os(name))
    }

    /// From any environment. An empty variable counts as unset.
    ///
    /// # Errors
    /// [`PathsError`] names the variable to set.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Self, PathsError> {
        let get = |name: &'static str| match lookup(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
        {
            Some(path) if path.is_absolute() => Ok(Some(path)),
            Some(path) => Err(PathsError::Relative(name, path.display().to_string())),
            None => Ok(None),
        };
        let beneath = |base: &'static str, own: &'static str, fallback: &str| match get(base)? {
            Some(dir) => Ok(dir.join("afterimage")),
            None => Ok(get("HOME")?
                .ok_or(PathsError::NoHome(own))?
                .join(fallback)
                .join("afterimage")),
        };
        let home = match get("AFT_HOME")? {
            Some(home) => home,
            None => beneath("XDG_STATE_HOME", "AFT_HOME", ".local/state")?,
        };
        let runtime_dir = match (get("AFT_RUNTIME_DIR")?, get("XDG_RUNTIME_DIR")?) {
            (Some(dir), _) => dir,
            (None, Some(dir)) => dir.join("afterimage"),
            (None, None) => home.join("run"),
        };
        let config = match get("AFT_CONFIG")? {
            Some(config) => config,
            // Without any home there is no configuration either, which is not an error.
            None => beneath("XDG_CONFIG_HOME", "AFT_CONFIG", ".config")
                .map_or_else(|_| home.join("config.toml"), |dir| dir.join("config.toml")),
        };
        Ok(Self {
            home,
            runtime_dir,
            config,
        })
    }

    /// The socket of a role.
    ///
    /// # Errors
    /// [`PathsError::SocketPathTooLong`] names the variable that shortens it.
    pub fn socket(&self, role: Role) -> Result<PathBuf, PathsError> {
        let path = self.runtime_dir.join(match role {
            Role::Editor => "editor.sock",
            Role::Agent => "agent.sock",
            Role::Control => "control.sock",
        });
        check_socket_path(&path)?;
        Ok(path)
    }

    /// The file whose read-write open makes a connection to `control.sock` the user's own.
    #[must_use]
    pub fn control_key(&self) -> PathBuf {
        self.home.join("control.key")
    }

    /// Process id of the daemon, for people.
    #[must_use]
    pub fn pid_file(&self) -> PathBuf {
        self.runtime_dir.join("daemon.pid")
    }

    /// Locked as long as a daemon serves this store.
    #[must_use]
    pub fn lock_file(&self) -> PathBuf {
        self.home.join("daemon.lock")
    }

    /// The daemon's own logs.
    #[must_use]
    pub fn log_dir(&self) -> PathBuf {
        self.home.join("log")
    }

    /// What the daemon prints before its log stands, and after a crash.
    #[must_use]
    pub fn daemon_output(&self) -> PathBuf {
        self.log_dir().join("daemon.out")
    }
}

/// Refuses a socket's path that no socket address can hold.
///
/// # Errors
/// [`PathsError::SocketPathTooLong`].
pub fn check_socket_path(path: &Path) -> Result<(), PathsError> {
    if path.as_os_str().as_bytes().len() > SUN_PATH_MAX {
        return Err(PathsError::SocketPathTooLong(path.display().to_string()));
    }
    Ok(())
}
