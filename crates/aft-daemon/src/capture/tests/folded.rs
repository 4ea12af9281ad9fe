//! Where case does not count: a name that finds a file of another name is not there.

use aft_os::{OpenFile, ReadDir, RootId, ScanEntry};

use super::*;

/// The simulated root as a file system on which a name finds what differs from it in case alone.
struct Folded<'a>(&'a dyn ReadDir);

impl Folded<'_> {
    /// The path as it is written on disk, where anything of that name is there.
    fn spelled(&self, path: &RelPath) -> RelPath {
        let Some((parent, name)) = path.split() else {
            return path.clone();
        };
        let entries = self.0.scan(&parent).unwrap_or_default();
        let same = |entry: &&ScanEntry| entry.name.eq_ignore_ascii_case(name);
        let found = entries.iter().find(same);
        found.map_or_else(|| path.clone(), |entry| parent.join(&entry.name).unwrap())
    }
}

impl ReadDir for Folded<'_> {
    fn may_fold_names(&self) -> bool {
        true
    }

    fn identity(&self) -> io::Result<RootId> {
        self.0.identity()
    }

    fn is_attached(&self) -> bool {
        self.0.is_attached()
    }

    fn lstat(&self, path: &RelPath) -> io::Result<Option<StatSig>> {
        self.0.lstat(&self.spelled(path))
    }

    fn scan(&self, dir: &RelPath) -> io::Result<Vec<ScanEntry>> {
        self.0.scan(dir)
    }

    fn open(&self, path: &RelPath) -> io::Result<Box<dyn OpenFile>> {
        self.0.open(&self.spelled(path))
    }

    fn read_link(&self, path: &RelPath) -> io::Result<Vec<u8>> {
        self.0.read_link(&self.spelled(path))
    }

    fn has_writer(&self, path: &RelPath) -> io::Result<Option<bool>> {
        self.0.has_writer(&self.spelled(path))
    }

    fn free_space(&self) -> io::Result<(u64, u64)> {
        self.0.free_space()
    }

    fn fs_clock(&self) -> io::Result<(i64, i64)> {
        self.0.fs_clock()
    }
}

impl Bench {
    fn folded(&mut self, run: impl FnOnce(&Env<'_>) -> Captured) -> BTreeMap<String, Outcome> {
        let captured = self.with_env(1, |env| {
            let fs = Folded(env.fs);
            run(&Env { fs: &fs, ..*env })
        });
        self.take(captured)
    }
}

/// A file `Foo`, known, that was renamed to `foo`.
fn renamed() -> Bench {
    let mut bench = Bench::new();
    bench.write("Foo", "bytes");
    bench.write("other", "bytes too");
    bench.wait();
    bench.scan(Mode::Baseline);
    bench.world.root.user_rename("Foo", "foo").unwrap();
    bench
}

/// Symptom: both names were in the history, and going back to the old one deleted the only file.
#[test]
fn a_rename_of_case_alone_is_one_file_to_a_walk() {
    let mut bench = renamed();
    let told = bench.folded(|env| scan(env, &Progress::default(), Mode::Reconcile));
    assert_eq!(told["Foo"], Outcome::Gone);
    assert_eq!(state(&told, "foo"), file("bytes", 0o644));
    bench.assert_exact();
}

#[test]
fn a_rename_of_case_alone_is_one_file_to_a_look_at_either_name() {
    for names in [["Foo", "foo"], ["foo", "Foo"]] {
        let mut bench = renamed();
        for name in names {
            let what = What::Single;
            let item = [Item {
                path: rel(name),
                what,
            }];
            bench.folded(|env| capture_paths(env, &item));
        }
        let known: Vec<String> = bench.tree.0.keys().map(RelPath::display).collect();
        assert_eq!(known, ["foo", "other"], "looked at {names:?}");
    }
}

/// A name that is restored and nobody has is not taken for the file that answers to it.
#[test]
fn a_name_nobody_has_is_not_there() {
    let mut bench = renamed();
    bench.folded(|env| scan(env, &Progress::default(), Mode::Reconcile));
    let item = [Item {
        path: rel("FOO"),
        what: What::Strict,
    }];
    let told = bench.folded(|env| capture_paths(env, &item));
    assert_eq!(told, BTreeMap::new());
}
