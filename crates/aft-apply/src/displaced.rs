//! What came out of the workspace: is it what was expected, is somebody still writing into it, and where does it
//! stay until it may go (I2). Never unlinks anything that no operation names.

use std::io;

use aft_model::{FileState, RelPath, StatSig};
use aft_os::WriteDir;

use crate::apply::{Halt, Run};
use crate::late::{self, Captured};
use crate::look;
use crate::report::{Displaced, Held, LateEdit};
use crate::task::Step;
use crate::torn;

/// How many files may be held for one change.
const HELD_MAX: usize = 16;

/// What a verification says of a name in staging.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verdict {
    /// Nothing is there.
    Gone,
    /// Its bytes are in the history.
    Known {
        /// What it is.
        state: FileState,
        /// Its stat when that was proved.
        stat: StatSig,
        /// A process may still write into it.
        held: bool,
    },
    /// Somebody wrote it after the look.
    Late,
    /// A directory or a special file.
    Foreign(StatSig),
}

impl Run<'_, '_> {
    /// Verifies what lies at `place`. `trusted` is a stat that proves the `before` state.
    pub(crate) fn verify(
        &self,
        step: &Step<'_>,
        place: &RelPath,
        trusted: Option<StatSig>,
    ) -> io::Result<Verdict> {
        let root = self.applier.root;
        let Some((stat, held)) = look_for_writer(root, place)? else {
            return Ok(Verdict::Gone);
        };
        if !look::is_file(&stat) && !look::is_link(&stat) {
            return Ok(Verdict::Foreign(stat));
        }
        if !held && trusted.is_some_and(|trusted| look::same_but_moved(&trusted, &stat)) {
            return Ok(Verdict::Known {
                state: step.change.before,
                stat,
                held,
            });
        }
        // A mapping changes bytes without moving the time again, so a held file is compared by its bytes.
        let (state, stat) = look::state_at(root, place, &stat)?;
        let mut known =
            state == step.change.before || state == step.target || self.known.contains(&state);
        if !known && self.recovering {
            known = torn::is_remnant(root, self.applier.contents, step, place, &stat)?;
        }
        Ok(if known {
            Verdict::Known { state, stat, held }
        } else {
            Verdict::Late
        })
    }

    /// Remembers a name whose bytes are in the history, so that it goes when things are settled, or is watched
    /// while somebody may still write into it.
    pub(crate) fn keep(
        &mut self,
        step: &Step<'_>,
        place: RelPath,
        captured: Captured,
        held: bool,
    ) -> Result<(), Halt> {
        let path = step.change.path.clone();
        if !held {
            self.report.displaced.push(Displaced {
                place,
                path,
                stat: captured.stat,
            });
            return Ok(());
        }
        let place = self.set_aside(step, &place)?.unwrap_or(place);
        self.report.held.push(Held {
            place,
            path,
            state: captured.state,
            stat: captured.stat,
        });
        self.reached("apply.held", step)?;
        Ok(())
    }

    /// Moves a name in staging to one of those under which files are held. `None` where it stays: it is safe where it
    /// is, only less clearly named.
    fn set_aside(&self, step: &Step<'_>, place: &RelPath) -> io::Result<Option<RelPath>> {
        for n in 0..HELD_MAX {
            let aside = self.places.held(step.index, n);
            match self.applier.root.rename_new(place, &aside) {
                Ok(()) => return Ok(Some(aside)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    tracing::debug!(%error, "a held file stays where it is");
                    return Ok(None);
                }
            }
        }
        Ok(None)
    }

    /// Hands what lies at `place` to the sink.
    pub(crate) fn capture(
        &mut self,
        step: &Step<'_>,
        place: &RelPath,
    ) -> io::Result<Option<Captured>> {
        let path = &step.change.path;
        let captured = late::capture(self.applier.root, place, path, self.sink)?;
        if let Some(captured) = captured {
            self.known.push(captured.state);
            self.report.late.push(LateEdit {
                path: path.clone(),
                state: captured.state,
            });
        }
        Ok(captured)
    }

    /// Frees a name in staging that an earlier run left, once its bytes are known to be in the history.
    pub(crate) fn clear(&mut self, step: &Step<'_>, place: &RelPath) -> Result<(), Halt> {
        match self.verify(step, place, None)? {
            Verdict::Gone => return Ok(()),
            Verdict::Foreign(stat) if look::is_dir(&stat) => {
                self.applier.root.remove_dir(place)?;
                return Ok(());
            }
            Verdict::Foreign(_) => return Err(Halt::Failed(io::ErrorKind::AlreadyExists.into())),
            // Its bytes are kept, and no operation names them yet: it goes when one does.
            Verdict::Late => {
                let Some(captured) = self.capture(step, place)? else {
                    return Ok(());
                };
                return self.free(step, place, captured);
            }
            Verdict::Known {
                held: true,
                state,
                stat,
            } => return self.free(step, place, Captured { state, stat }),
            Verdict::Known { .. } => {}
        }
        self.applier.root.remove_file(place)?;
        self.reached("apply.cleared", step)?;
        Ok(())
    }

    /// Holds what lies at a name that is needed.
    fn free(&mut self, step: &Step<'_>, place: &RelPath, captured: Captured) -> Result<(), Halt> {
        self.keep(step, place.clone(), captured, true)?;
        match self.applier.root.lstat(place)? {
            Some(_) => Err(Halt::Failed(io::ErrorKind::AlreadyExists.into())),
            None => Ok(()),
        }
    }
}

/// What lies at `place`, and whether somebody may still write into it. One open answers both, and the stat is that of
/// a moment at which the answer held.
fn look_for_writer(root: &dyn WriteDir, place: &RelPath) -> io::Result<Option<(StatSig, bool)>> {
    if let Ok(file) = root.open(place) {
        let held = !matches!(file.has_writer(), Ok(Some(false)));
        return Ok(Some((file.stat()?, held)));
    }
    // Nothing, no regular file, or one that may not be read: then nobody can be ruled out.
    let stat = root.lstat(place)?;
    Ok(stat.map(|stat| (stat, look::is_file(&stat))))
}

/// True unless the system proves that nobody can write into the file any more.
pub(crate) fn may_have_writer(root: &dyn WriteDir, place: &RelPath) -> bool {
    !matches!(root.has_writer(place), Ok(Some(false)))
}
