//! Paths of the command line become absolute in a real directory with links.

use super::*;

fn check(make: impl FnOnce(&Path)) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    make(&root);
    (dir, root)
}

#[test]
fn a_relative_path_starts_at_the_current_directory() {
    let (_dir, root) = check(|root| std::fs::create_dir(root.join("sub")).unwrap());
    let mut place = Place::at(&root.join("sub"), None);
    assert_eq!(
        place.path(Path::new("a.rs")).unwrap(),
        root.join("sub/a.rs")
    );
    assert_eq!(place.path(Path::new("../a.rs")).unwrap(), root.join("a.rs"));
    assert_eq!(
        place.path(Path::new("./x/../a.rs")).unwrap(),
        root.join("sub/a.rs")
    );
    assert_eq!(place.path(Path::new(".")).unwrap(), root.join("sub"));
    assert_eq!(place.path(Path::new("..")).unwrap(), root);
    assert_eq!(place.workspace().unwrap(), root.join("sub"));
}

#[test]
fn a_link_is_itself_and_links_on_the_way_are_resolved() {
    let (_dir, root) = check(|root| {
        std::fs::create_dir(root.join("real")).unwrap();
        std::fs::create_dir(root.join("real/deep")).unwrap();
        std::os::unix::fs::symlink("real", root.join("link")).unwrap();
    });
    let mut place = Place::at(&root, None);
    assert_eq!(place.path(Path::new("link")).unwrap(), root.join("link"));
    assert_eq!(
        place.path(Path::new("link/deep")).unwrap(),
        root.join("real/deep")
    );
    assert_eq!(
        place.path(Path::new("link/gone/file")).unwrap(),
        root.join("real/gone/file")
    );
    assert_eq!(
        place.directory(Path::new("link")).unwrap(),
        root.join("real")
    );
}

#[test]
fn what_is_gone_is_taken_as_written() {
    let (_dir, root) = check(|_| {});
    let mut place = Place::at(&root, None);
    assert_eq!(
        place.path(Path::new("gone/dir/a.rs")).unwrap(),
        root.join("gone/dir/a.rs")
    );
    assert_eq!(
        place.path(Path::new("gone/../a.rs")).unwrap(),
        root.join("a.rs")
    );
    assert_eq!(
        place.directory(Path::new("/no/such/place")).unwrap(),
        Path::new("/no/such/place")
    );
}

#[test]
fn the_chosen_workspace_wins_but_paths_still_start_here() {
    let (_dir, root) = check(|root| std::fs::create_dir(root.join("other")).unwrap());
    let mut place = Place::at(&root, Some(PathBuf::from("other")));
    assert!(place.is_chosen());
    assert_eq!(place.workspace().unwrap(), root.join("other"));
    assert_eq!(place.path(Path::new("a")).unwrap(), root.join("a"));
    assert_eq!(
        place.path(Path::new("")).unwrap_err().exit(),
        ExitKind::Usage
    );
}
