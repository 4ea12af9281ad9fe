//! Tests of the module beside this file: home.

use std::os::unix::fs::{PermissionsExt, chown, symlink};

use super::*;

#[test]
fn missing_directories_are_made_private() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().join("a/b/c");
    ensure_private_dir(&at).unwrap();
    ensure_private_dir(&at).unwrap();
    for path in [&at, at.parent().unwrap()] {
        assert_eq!(
            path.metadata().unwrap().permissions().mode() & 0o7777,
            0o700
        );
    }
    ensure_private_dir(&at.join("")).unwrap();
}

#[test]
fn what_is_not_private_is_refused_with_the_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let refusal = |path: &Path| {
        let error = ensure_private_dir(path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        error.to_string()
    };
    let open = dir.path().join("open");
    std::fs::create_dir(&open).unwrap();
    for mode in [0o755, 0o710, 0o701, 0o777] {
        std::fs::set_permissions(&open, PermissionsExt::from_mode(mode)).unwrap();
        let expected = format!(
            "{0} is open to others (mode {mode:o}); run `chmod 700 {0}`",
            open.display()
        );
        assert_eq!(refusal(&open), expected);
    }
    let private = dir.path().join("private");
    ensure_private_dir(&private).unwrap();
    let link = dir.path().join("link");
    symlink(&private, &link).unwrap();
    assert!(refusal(&link).contains("name the real directory"));
    assert!(refusal(&link.join("")).contains("name the real directory"));
    let file = dir.path().join("file");
    std::fs::File::create(&file).unwrap();
    assert!(refusal(&file).contains("name the real directory"));
    if crate::process::euid() == 0 {
        chown(&private, Some(12), None).unwrap();
        assert!(refusal(&private).contains("belongs to user 12, not to 0"));
    }
}
