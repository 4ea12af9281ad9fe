//! What of a run can be tested without the binary that supervises it: words, the private directory, the report.

use super::*;

fn private() -> (tempfile::TempDir, Private) {
    let dir = tempfile::tempdir().unwrap();
    let private = Private::make(&dir.path().join("checks")).unwrap();
    (dir, private)
}

#[test]
fn a_word_names_the_report_and_a_shell_does_it_itself() {
    let words = |words: &[&str]| -> Vec<OsString> { words.iter().map(OsString::from).collect() };
    let report = Path::new("/a b/report");
    let made = with_report(
        words(&["t", "--xml=$AFT_REPORT", "${AFT_REPORT}$AFT_REPORT"]),
        report,
    );
    assert_eq!(
        made,
        words(&["t", "--xml=/a b/report", "/a b/report/a b/report"])
    );
    assert_eq!(
        with_report(shell("t > \"$AFT_REPORT\""), report),
        shell("t > \"$AFT_REPORT\"")
    );
}

#[test]
fn a_report_is_read_unless_it_stands_for_another_file_or_is_too_long() {
    let (dir, private) = private();
    assert_eq!(private.report(), (None, false));
    let write = |bytes: &[u8]| {
        std::fs::File::create(private.report_path())
            .and_then(|mut file| std::io::Write::write_all(&mut file, bytes))
            .unwrap()
    };
    write(b"good");
    assert_eq!(private.report(), (Some(b"good".to_vec()), false));
    write(&vec![b'x'; usize::try_from(REPORT_MAX).unwrap() + 1]);
    assert_eq!(private.report(), (None, true));

    let secret = dir.path().join("secret");
    std::fs::File::create(&secret).unwrap();
    rustix::fs::unlink(private.report_path()).unwrap();
    std::os::unix::fs::symlink(&secret, private.report_path()).unwrap();
    assert_eq!(private.report(), (None, false), "a symbolic link");
    rustix::fs::unlink(private.report_path()).unwrap();
    std::fs::hard_link(&secret, private.report_path()).unwrap();
    assert_eq!(private.report(), (None, false), "a hard link");
}

#[test]
fn nothing_of_a_run_is_left_whatever_it_closed() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, private) = private();
    let closed = private.temporary().join("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::File::create(closed.join("file")).unwrap();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o000)).unwrap();
    drop(private);
    let left = std::fs::read_dir(dir.path().join("checks"))
        .unwrap()
        .count();
    assert_eq!(left, 0);
}
