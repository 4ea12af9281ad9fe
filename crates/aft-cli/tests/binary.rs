//! The binary itself: it starts, says who it is, and is built wherever the tests of the workspace are run, because
//! the end-to-end tests drive it.

use std::process::Command;

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the test starts the very binary it is about"
)]
fn the_binary_starts_and_says_its_version() {
    let output = Command::new(env!("CARGO_BIN_EXE_aft"))
        .arg("--version")
        .output()
        .expect("the binary was built");
    assert!(output.status.success());
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(text.trim(), format!("aft {}", env!("CARGO_PKG_VERSION")));
}
