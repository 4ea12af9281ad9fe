//! Licence expressions are judged as SPDX means them.

use super::*;

fn policy() -> Policy {
    Policy::parse("[licenses]\nallow = [\"MIT\", \"Apache-2.0\", \"Unicode-3.0\"]\n[bans]\nskip = [{ crate = \"syn@2.0.1\", reason = \"x\" }]\n")
        .unwrap()
}

#[test]
fn expressions_follow_spdx() {
    let policy = policy();
    for good in [
        "MIT",
        "MIT/Apache-2.0",
        "GPL-3.0 OR MIT",
        "(MIT OR GPL-3.0) AND Unicode-3.0",
        "MIT AND Apache-2.0",
    ] {
        assert!(policy.satisfies(good), "{good}");
    }
    for bad in [
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "(GPL-3.0 OR BSL-1.0) AND MIT",
        "Apache-2.0 WITH LLVM-exception",
        "(MIT",
        "",
    ] {
        assert!(!policy.satisfies(bad), "{bad}");
    }
}

#[test]
fn a_second_version_needs_an_excuse() {
    let package = |name: &str, version: &str| Package {
        name: name.to_owned(),
        version: version.to_owned(),
        licence: Some("MIT".to_owned()),
    };
    let report = check(
        &policy(),
        &[package("syn", "2.0.1"), package("syn", "3.0.0")],
    );
    assert!(report.errors.is_empty());
    let report = check(
        &policy(),
        &[package("rand", "0.8.0"), package("rand", "0.9.0")],
    );
    assert_eq!(report.errors, ["rand: 2 versions: 0.8.0, 0.9.0"]);
}

#[test]
fn a_package_without_a_licence_is_found() {
    let package = Package {
        name: "x".to_owned(),
        version: "1.0.0".to_owned(),
        licence: None,
    };
    assert_eq!(
        check(&policy(), &[package]).errors,
        ["x: states no licence"]
    );
}
