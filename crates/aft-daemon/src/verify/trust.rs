//! What of a check may run: what its user approved, byte for byte.
//!
//! Does: tell whose a command is, look at the files of the workspace that it calls, compare all of it with what was approved,
//! and make the words that run from what was compared.
//! Does not: run anything, ask anybody, or know what a check means.
//!
//! A check of the workspace's own file runs when exactly that file was approved for exactly that directory: its path, device
//! and inode. A file of the workspace that a command names (`scripts`), also one of the user's own configuration, runs when
//! exactly its bytes were approved there. What such a file goes on to call is not looked at: that is what the limits of
//! `run` are for.
//!
//! I1 What is compared is what runs: the configuration is read once, and a file of the workspace is looked at where it will
//! run. In a scratch tree nobody else writes; in the workspace itself, where anybody may, a copy runs in its place.

mod kept;
mod scripts;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use aft_os::ReadDir;
use aft_os::fs::real::{RealRoot, ScratchRoot};
use parking_lot::Mutex;
use tracing::warn;

pub(crate) use self::scripts::Script;

use self::kept::{Approval, Kept};
use super::checks::{self, Configured};
use crate::config::{RunCommand, VerifyConfig, WORKSPACE_FILE};

/// Why a check may not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Untrusted {
    /// Nobody approved the file that says so.
    #[error(
        "the check `{check}` in {} has not been approved as it stands; `aft trust --show` shows what would run", file.display()
    )]
    File { check: String, file: PathBuf },
    /// Nobody approved a file that it calls.
    #[error(
        "the check `{check}` calls {}, which has not been approved as it stands; `aft trust --show` shows it", script.display()
    )]
    Script { check: String, script: PathBuf },
    /// It names a file in a way that cannot be held to what was approved.
    #[error("the check `{check}` names `{word}`, {why}")]
    Word {
        check: String,
        word: String,
        why: &'static str,
    },
    /// What it calls cannot be read.
    #[error("what the check `{check}` would run cannot be read: {source}")]
    Read { check: String, source: io::Error },
}

/// What was approved for a workspace, and what may be.
pub(crate) struct Trust {
    store: PathBuf,
    /// Held while the file of approvals is read and written again.
    changing: Mutex<()>,
}

/// A command that may run, once the files that it calls were looked at where it will run.
#[derive(Debug)]
pub(crate) struct Approved {
    check: String,
    root: PathBuf,
    argv: Vec<OsString>,
    is_shell: bool,
    dir: String,
    /// Path and hash of files of the workspace.
    files: BTreeSet<(Vec<u8>, String)>,
}

/// Words that run. What they name is there as long as this is.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) argv: Vec<OsString>,
    copies: Option<ScratchRoot>,
}

impl Drop for Ready {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.copies.take().map(ScratchRoot::remove_whole) {
            warn!(%error, "the copy of what a check called cannot be removed");
        }
    }
}

/// All that would run, as it stands now.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) root: PathBuf,
    /// Path, device and inode of the root, as one.
    place: String,
    /// The workspace's own file.
    pub(crate) file: Option<SeenFile>,
    pub(crate) checks: Vec<SeenCheck>,
}

#[derive(Debug)]
pub(crate) struct SeenFile {
    pub(crate) text: String,
    pub(crate) hash: String,
    pub(crate) is_approved: bool,
}

#[derive(Debug)]
pub(crate) struct SeenCheck {
    pub(crate) config: VerifyConfig,
    /// The workspace's own file defines it.
    pub(crate) is_own: bool,
    /// What it calls, and whether that was approved; or why that cannot be told.
    pub(crate) scripts: Result<Vec<(Script, bool)>, Untrusted>,
}

impl Seen {
    /// One word for all of it: what was shown is what is approved.
    pub(crate) fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.place.as_bytes());
        hasher.update(self.file.as_ref().map_or("-", |file| &file.hash).as_bytes());
        for script in self.scripts() {
            hasher.update(&script.path);
            hasher.update(b"\0");
            hasher.update(script.hash.as_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Nothing of it needs to be asked for.
    pub(crate) fn is_approved(&self) -> bool {
        let file = self.file.as_ref().is_none_or(|file| file.is_approved);
        let is_known = |check: &SeenCheck| {
            let scripts = check.scripts.as_ref();
            scripts.is_ok_and(|scripts| scripts.iter().all(|(_, is_approved)| *is_approved))
        };
        file && self.checks.iter().all(is_known)
    }

    fn scripts(&self) -> impl Iterator<Item = &Script> {
        let known = self
            .checks
            .iter()
            .filter_map(|check| check.scripts.as_ref().ok());
        known.flatten().map(|(script, _)| script)
    }
}

impl Trust {
    /// The approvals in a workspace's directory of the store.
    pub(crate) fn of(store: &Path) -> Self {
        Self {
            store: store.to_path_buf(),
            changing: Mutex::new(()),
        }
    }

    /// Whether this check of `configured` may run for the workspace at `root`.
    ///
    /// # Errors
    /// [`Untrusted`] says what nobody approved.
    pub(crate) fn check(
        &self,
        root: &Path,
        configured: &Configured,
        check: &VerifyConfig,
    ) -> Result<Approved, Untrusted> {
        let unreadable = |source| Untrusted::Read {
            check: check.name.clone(),
            source,
        };
        let kept = Kept::read(&self.store, &place_of(root).map_err(unreadable)?);
        if configured.is_own(check) {
            let hash = configured
                .own_file()
                .map(|source| hash_of(source.text.as_bytes()));
            if !hash.is_some_and(|hash| kept.has_file(&hash)) {
                return Err(Untrusted::File {
                    check: check.name.clone(),
                    file: root.join(WORKSPACE_FILE),
                });
            }
        }
        Ok(Approved {
            check: check.name.clone(),
            root: root.to_path_buf(),
            argv: checks::argv(check),
            is_shell: matches!(check.run, RunCommand::Shell(_)),
            dir: check.dir.clone(),
            files: kept.files(),
        })
    }

    /// All that would run in the workspace at `root` as it is now.
    ///
    /// # Errors
    /// Its root cannot be opened.
    pub(crate) fn look(&self, root: &Path, configured: &Configured) -> io::Result<Seen> {
        let place = place_of(root)?;
        let kept = Kept::read(&self.store, &place);
        let file = configured.own_file().map(|source| {
            let hash = hash_of(source.text.as_bytes());
            SeenFile {
                is_approved: kept.has_file(&hash),
                hash,
                text: source.text.clone(),
            }
        });
        let files = kept.files();
        let seen = |check: &VerifyConfig| {
            let argv = checks::argv(check);
            let is_shell = matches!(check.run, RunCommand::Shell(_));
            let found = scripts::called(root, (&argv, is_shell), &check.dir, root);
            let found = found.map_err(|problem| problem.of(&check.name));
            let with_standing = |script: Script| {
                let is_approved = files.contains(&(script.path.clone(), script.hash.clone()));
                (script, is_approved)
            };
            SeenCheck {
                is_own: configured.is_own(check),
                scripts: found.map(|scripts| scripts.into_iter().map(with_standing).collect()),
                config: check.clone(),
            }
        };
        Ok(Seen {
            root: root.to_path_buf(),
            place,
            file,
            checks: configured.all().iter().map(seen).collect(),
        })
    }

    /// Approves what was seen. Durable when this returns.
    ///
    /// # Errors
    /// The store cannot be written.
    pub(crate) fn approve(&self, seen: &Seen, now: String) -> io::Result<()> {
        let _changing = self.changing.lock();
        let scripts = seen.scripts();
        let scripts = scripts.map(|script| (kept::text_of(&script.path), script.hash.clone()));
        let approval = Approval {
            root: seen.root.display().to_string(),
            place: seen.place.clone(),
            file: seen.file.as_ref().map(|file| file.hash.clone()),
            scripts: scripts.collect(),
            approved: now,
        };
        kept::add(&self.store, approval)
    }
}

impl Approved {
    /// The words that run, with what they name in `tree`, which shows a state of the workspace and belongs to nobody else.
    ///
    /// # Errors
    /// [`Untrusted`] names a file that was not approved as it is there.
    pub(crate) fn in_scratch(self, tree: &Path) -> Result<Ready, Untrusted> {
        self.called(tree)?;
        Ok(Ready {
            argv: self.argv,
            copies: None,
        })
    }

    /// The words that run in the workspace itself: what they name there is copied beneath `private` and named there, because
    /// it may be another file a moment later.
    ///
    /// # Errors
    /// As for [`Self::in_scratch`], and where a copy cannot stand for what is named.
    pub(crate) fn in_workspace(mut self, private: &Path) -> Result<Ready, Untrusted> {
        let found = self.called(&self.root)?;
        if found.is_empty() {
            return Ok(Ready {
                argv: self.argv,
                copies: None,
            });
        }
        let unreadable = |check: &str| {
            let check = check.to_owned();
            move |source| Untrusted::Read { check, source }
        };
        let path = private.join(crate::ids::new_id());
        let copies = ScratchRoot::open(&path).map_err(unreadable(&self.check))?;
        let mut argv = std::mem::take(&mut self.argv);
        for (number, script) in found.into_iter().enumerate() {
            let word = script.word.filter(|_| !self.is_shell);
            let Some(word) = word.and_then(|word| argv.get_mut(word)) else {
                let why = "which could be another file before it is read; use a list of words, or `where = \"scratch\"`";
                return Err(self.word(&script.path, why));
            };
            let copy = scripts::copy(&copies, number, &script);
            let copy = copy.map_err(unreadable(&self.check))?;
            *word = scripts::with_copy(word, &script, &copy);
        }
        Ok(Ready {
            argv,
            copies: Some(copies),
        })
    }

    /// What it calls in `tree`, all of it approved.
    fn called(&self, tree: &Path) -> Result<Vec<Script>, Untrusted> {
        let command = (self.argv.as_slice(), self.is_shell);
        let found = scripts::called(tree, command, &self.dir, &self.root);
        let found = found.map_err(|problem| problem.of(&self.check))?;
        for script in &found {
            if !self
                .files
                .contains(&(script.path.clone(), script.hash.clone()))
            {
                let path = std::ffi::OsStr::from_bytes(&script.path);
                return Err(Untrusted::Script {
                    check: self.check.clone(),
                    script: self.root.join(path),
                });
            }
        }
        Ok(found)
    }

    fn word(&self, word: &[u8], why: &'static str) -> Untrusted {
        Untrusted::Word {
            check: self.check.clone(),
            word: String::from_utf8_lossy(word).into_owned(),
            why,
        }
    }
}

fn hash_of(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// Which directory an approval is for: the same bytes elsewhere are asked for again.
fn place_of(root: &Path) -> io::Result<String> {
    let id = RealRoot::open(root)?.identity()?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(&id.dev.to_le_bytes());
    hasher.update(&id.ino.to_le_bytes());
    hasher.update(root.as_os_str().as_bytes());
    Ok(hasher.finalize().to_hex().to_string())
}
