//! What goes wrong in a run, and when: faults of the disk, people who change files, others who meddle.

use aft_testkit::sim::{Errno, Op};

use super::super::user;
use super::Run;

impl Run {
    /// Actions in the middle of what comes next.
    pub(crate) fn plant_actions(&mut self) {
        while self.rng.chance(self.options.amid) {
            const CALLS: [Op; 15] = [
                Op::Lstat,
                Op::Lstat,
                Op::Scan,
                Op::Open,
                Op::Read,
                Op::Fstat,
                Op::HasWriter,
                Op::WatchAdd,
                Op::Create,
                Op::RenameNew,
                Op::Exchange,
                Op::RemoveFile,
                Op::MakeDir,
                Op::SyncFile,
                Op::SyncDir,
            ];
            let call = self.rng.pick(&CALLS).copied().unwrap_or(Op::Lstat);
            let skip = self.rng.below(10);
            let mut action = user::draw(&self.world, &self.users, &mut self.rng);
            while call == Op::RemoveFile && matches!(action, user::Action::Meddle(..)) {
                // By name, into what was just looked at: no system has a call that looks and removes at once.
                action = user::draw(&self.world, &self.users, &mut self.rng);
            }
            let users = self.users.clone();
            self.world
                .root
                .before(call, skip, move |root| users.act(root, &action));
        }
    }

    /// Somebody edits what an apply displaced, after it was looked at and before it is removed.
    pub(crate) fn plant_meddling(&mut self) {
        if self.rng.chance(self.options.amid) {
            const CALLS: [Op; 3] = [Op::SyncFile, Op::SyncDir, Op::Lstat];
            let call = self.rng.pick(&CALLS).copied().unwrap_or(Op::SyncDir);
            let skip = self.rng.below(if call == Op::Lstat { 40 } else { 4 });
            let bytes = self.rng.bytes(20);
            let action = user::Action::Meddle(self.rng.index(8), bytes);
            let users = self.users.clone();
            self.world
                .root
                .before(call, skip, move |root| users.act(root, &action));
        }
    }

    /// A fault at some call of the store or of the watcher.
    pub(crate) fn plant_fault(&mut self) {
        if self.rng.chance(self.options.faults) {
            const CALLS: [Op; 6] = [
                Op::StoreAppend,
                Op::StoreAppend,
                Op::StoreSync,
                Op::StoreSync,
                Op::StoreReplace,
                Op::StoreSyncDir,
            ];
            let call = self.rng.pick(&CALLS).copied().unwrap_or(Op::StoreAppend);
            let errno = if self.rng.chance(500) {
                Errno::IO
            } else {
                Errno::NOSPC
            };
            let skip = self.rng.below(3);
            self.faulted = true;
            self.world.faults.fail_after(call, skip, 1, errno);
            self.log
                .say(format!("fault {call:?} after {skip}: {errno}"));
        }
        if self.rng.chance(self.options.watch_faults) {
            let Some(watch) = &self.watch else { return };
            let what = match self.rng.below(3) {
                0 => {
                    watch.overflow_now();
                    "overflow".to_owned()
                }
                1 => {
                    self.world.faults.fail_next(Op::Cookie, Errno::NOSPC);
                    "no cookie".to_owned()
                }
                _ => {
                    let armed = watch.armed();
                    let lost = self.rng.pick(&armed);
                    lost.inspect(|dir| watch.lose(dir));
                    format!("lost {lost:?}")
                }
            };
            self.log.say(format!("watch fault: {what}"));
        }
    }
}
