//! What the store's directory holds besides the segments and indexes of histories that are open.
//!
//! Does: add up the files of histories that nobody works on, of milestones, and of the daemon itself, so that the cap
//! counts them.
//! Does not: remove any.

use std::path::Path;

use super::Daemon;

impl Daemon {
    /// Measures it anew: something was opened, closed or removed, or may have grown.
    pub(crate) fn measure_besides(&self) {
        let histories = self.paths.home.join("workspaces");
        self.budget.measure(|is_open| {
            let mut besides = bytes_beneath(&self.paths.home, &|path| path != histories);
            for entry in std::fs::read_dir(&histories).into_iter().flatten() {
                let Ok(entry) = entry else { continue };
                let own = entry.path();
                let counts_itself = entry.file_name().to_str().is_some_and(is_open);
                // The files in it are counted by who writes them, its directories are not.
                let wanted =
                    |path: &Path| !counts_itself || path.is_dir() || path.parent() != Some(&own);
                besides += bytes_beneath(&own, &wanted);
            }
            besides
        });
    }
}

/// Bytes of the files beneath, of those that are wanted. What goes while this looks is not counted.
fn bytes_beneath(dir: &Path, wanted: &dyn Fn(&Path) -> bool) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten();
    let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
    let lens = paths.filter(|path| wanted(path)).map(|path| {
        let Ok(metadata) = path.symlink_metadata() else {
            return 0;
        };
        if metadata.is_dir() {
            bytes_beneath(&path, wanted)
        } else {
            metadata.len()
        }
    });
    lens.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_wanted_are_added_up_beneath_a_directory() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, len: usize| {
            let path = dir.path().join(name);
            std::fs::create_dir(path.parent().unwrap()).ok();
            std::fs::File::create(&path)
                .unwrap()
                .set_len(len as u64)
                .unwrap();
        };
        file("one", 10);
        file("within/two", 200);
        file("left/three", 4000);
        let left = dir.path().join("left");
        assert_eq!(bytes_beneath(dir.path(), &|path| path != left), 210);
        assert_eq!(bytes_beneath(&dir.path().join("none"), &|_| true), 0);
    }
}
