//! Each check tells good from bad.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::fake_daemon::run_at;

fn private_dir() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    dir
}

#[test]
fn a_directory_that_is_open_to_others_is_a_failure_with_its_remedy() {
    let dir = private_dir();
    assert_eq!(directory("store", dir.path()).state, State::Ok);
    assert_eq!(
        directory("store", &dir.path().join("none")).state,
        State::Ok
    );
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let finding = directory("store", dir.path());
    assert_eq!(finding.state, State::Failure);
    assert!(finding.remedy.unwrap().contains("chmod 700"));
}

#[test]
fn a_low_limit_of_watches_is_a_warning_with_the_command() {
    let dir = private_dir();
    let file = dir.path().join("limit");
    let limit = |text: &str| {
        std::io::Write::write_all(&mut File::create(&file).unwrap(), text.as_bytes()).unwrap();
        watches(&file)
    };
    assert_eq!(limit("1048576\n").state, State::Ok);
    let low = limit("8192\n");
    assert_eq!(low.state, State::Warning);
    assert!(low.remedy.unwrap().contains("sysctl"));
    assert_eq!(watches(&dir.path().join("none")).state, State::Warning);
}

#[test]
fn a_wrong_configuration_is_a_failure_and_a_missing_one_is_not() {
    let dir = private_dir();
    let file = dir.path().join("config.toml");
    assert_eq!(configuration(&file).state, State::Ok);
    std::io::Write::write_all(&mut File::create(&file).unwrap(), b"[trak]\n").unwrap();
    assert_eq!(configuration(&file).state, State::Failure);
}

#[test]
fn the_whole_report_ends_with_the_right_code_and_starts_nothing() {
    let dir = private_dir();
    let paths = Paths {
        home: dir.path().into(),
        runtime_dir: dir.path().join("run"),
        config: dir.path().join("c.toml"),
    };
    let ran = run_at(&paths, "aft doctor");
    assert_eq!(ran.exit, 0, "{}", ran.out);
    assert!(ran.out.contains("ok    daemon: none runs"), "{}", ran.out);
    assert!(!paths.log_dir().exists());

    std::fs::create_dir(&paths.runtime_dir).unwrap();
    std::fs::set_permissions(&paths.runtime_dir, std::fs::Permissions::from_mode(0o777)).unwrap();
    let ran = run_at(&paths, "aft doctor --json");
    assert_eq!(ran.exit, 1);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["ok"], false);
    let finding = report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|finding| finding["check"] == "sockets")
        .unwrap();
    assert_eq!(finding["state"], "failure");
}
