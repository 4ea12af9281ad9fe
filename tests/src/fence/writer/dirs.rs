//! Changes of whole directories: made deep, slowly, renamed, moved out and in, the subtree itself replaced.

use std::fs;
use std::io::{self};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::Writer;
use super::entries::Entries;

impl Writer {
    pub(super) fn make_deep(&mut self, entries: &Entries) -> io::Result<String> {
        let mut path = self.new_path(entries, "d");
        for _ in 0..self.rng.below(20) {
            path.push(self.name("n"));
        }
        fs::create_dir_all(&path)?;
        let file = path.join(self.name("leaf"));
        fs::write(&file, self.bytes())?;
        Ok(format!("mkdir -p and write {}", file.display()))
    }

    /// Entries appear at every moment of the look at their directory: before it is armed, between arming and listing,
    /// and after.
    pub(super) fn make_slowly(&mut self, entries: &Entries) -> io::Result<String> {
        let top = self.new_path(entries, "slow");
        fs::create_dir_all(&top)?;
        for number in 0..4 {
            let dir = top.join(format!("d{number}"));
            fs::create_dir_all(&dir)?;
            for number in 0..4 {
                self.pass_time();
                fs::write(dir.join(format!("f{number}")), self.bytes())?;
            }
        }
        Ok(format!("make slowly {}", top.display()))
    }

    pub(super) fn rename_dir(&mut self, entries: &Entries) -> io::Result<String> {
        let from = self.dir(entries);
        let mut said = format!("mv {}", from.display());
        let mut at = from;
        // A chain moves it on while its last name is being scanned.
        for _ in 0..=self.rng.below(3) {
            let to = self.new_path(entries, "m");
            fs::rename(&at, &to)?;
            said.push_str(&format!(" -> {}", to.display()));
            at = to;
        }
        fs::write(at.join(self.name("f")), self.bytes())?;
        Ok(said)
    }

    pub(super) fn move_out_and_in(&mut self, entries: &Entries) -> io::Result<String> {
        let from = self.dir(entries);
        let away = self.outside.join("away");
        if away.exists() {
            fs::remove_dir_all(&away)?;
        }
        fs::rename(&from, &away)?;
        fs::create_dir_all(&self.home)?;
        // Nobody watches it any more, or still does under its old name.
        let hidden = away.join(self.name("n")).join(self.name("n"));
        fs::create_dir_all(&hidden)?;
        fs::write(hidden.join("changed"), self.bytes())?;
        if self.rng.chance(300) {
            return Ok(format!("mv {} out", from.display()));
        }
        let to = if self.rng.chance(400) && !from.exists() {
            from.clone()
        } else {
            let name = self.name("back");
            self.home.join(name)
        };
        fs::rename(&away, &to)?;
        Ok(format!(
            "mv {} out and in -> {}",
            from.display(),
            to.display()
        ))
    }

    /// The subtree's own top goes and comes back, whole trees at once.
    pub(super) fn replace_home(&mut self) -> io::Result<String> {
        if self.rng.chance(700) {
            let name = self.name("f");
            let path = self.home.join(name);
            fs::write(&path, self.bytes())?;
            return Ok(format!("write {}", path.display()));
        }
        let fresh = self.outside.join("fresh");
        if fresh.exists() {
            fs::remove_dir_all(&fresh)?;
        }
        for number in 0..self.rng.below(6) {
            let deep = fresh.join(format!("d{number}")).join(self.name("n"));
            fs::create_dir_all(&deep)?;
            fs::write(deep.join("f1"), self.bytes())?;
        }
        fs::create_dir_all(&fresh)?;
        if self.rng.chance(500) {
            renameat_with(CWD, &fresh, CWD, &self.home, RenameFlags::EXCHANGE)?;
            return Ok("exchange the subtree with one from outside".to_owned());
        }
        fs::remove_dir_all(&self.home)?;
        fs::rename(&fresh, &self.home)?;
        Ok("replace the subtree by one from outside".to_owned())
    }
}
