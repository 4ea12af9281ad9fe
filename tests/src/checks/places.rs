//! More places for a check to write in, and local sockets, where its configuration says so and only there.

use aft_os::process::contained::missing;

use super::rig::{Rig, verify};

/// A check's program by its path: a shim of a version manager finds nothing in another home.
fn python() -> String {
    let said = std::process::Command::new("python3")
        .args(["-c", "import sys; print(sys.executable)"])
        .output();
    let said = String::from_utf8(said.expect("python3").stdout).unwrap();
    said.trim().to_owned()
}

#[test]
fn a_check_writes_where_it_may_opens_sockets_if_it_may_and_the_history_stays_closed() {
    if !missing().is_empty() {
        println!(
            "this system does not limit what a check does: {:?}",
            missing()
        );
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let place = place.path().to_str().unwrap();
    let write = |name: &str| format!("echo x > {place}/{name}");
    let open = format!(
        "{} -c 'import socket; socket.socket(socket.AF_UNIX)'",
        python()
    );
    let wide = format!("writable = [\"{place}\"]");
    let mut rig = Rig::with("");
    let home = rig.daemon.store().display().to_string();
    let over = format!(
        "writable = [\"{}\"]",
        rig.daemon.store().parent().unwrap().display()
    );
    let config: String = [
        verify("plain", &write("plain"), ""),
        verify("wide", &write("wide"), &wide),
        verify("closed", &open, ""),
        verify("open", &open, "sockets = true"),
        verify("within", "true", &format!("writable = [\"{home}\"]")),
        verify("over", "true", &over),
        verify("gone", "true", "writable = [\"/no/such/place\"]"),
    ]
    .concat();
    rig.daemon.write_config(&config);
    rig.project.write("a", "a");
    rig.watch();
    let said = rig.verify(&[], 1);
    let of = |name: &str| {
        let verdicts = said["verdicts"].as_array().unwrap();
        let found = verdicts.iter().find(|verdict| verdict["check"] == name);
        let found = found.unwrap_or_else(|| panic!("{name}: {said:#}"));
        let text = |key: &str| found[key].as_str().unwrap().to_owned();
        (text("status"), text("reason"))
    };
    assert_eq!(of("plain").0, "failed", "{said:#}");
    assert_eq!(of("wide").0, "passed", "{said:#}");
    assert_eq!(of("closed").0, "failed", "{said:#}");
    assert_eq!(of("open").0, "passed", "{said:#}");
    for name in ["within", "over"] {
        let (status, reason) = of(name);
        assert_eq!(status, "error", "{said:#}");
        assert!(reason.contains("would open the history"), "{reason}");
    }
    assert!(
        of("gone")
            .1
            .contains("/no/such/place, which cannot be used"),
        "{said:#}"
    );
    let written = std::fs::read_dir(place).unwrap().count();
    assert_eq!(
        written, 1,
        "in the place that was named, by the one that may"
    );
    rig.daemon.stop();
}

#[test]
fn a_place_is_named_by_its_absolute_path() {
    let refused = verify("a", "true", "writable = [\"relative\"]");
    let rig = Rig::with("");
    rig.watch();
    rig.daemon.write_config(&refused);
    let refused = rig.aft(&["verify"]);
    assert!(
        refused.stderr.contains("absolute paths"),
        "{}",
        refused.stderr
    );
}
