//! A history goes when it is meant to.

use aft_rpc::{ErrorKind, RpcError};
use serde_json::json;

use super::is_yes;
use crate::fake_daemon::FakeDaemon;

#[test]
fn a_history_is_deleted_only_with_a_yes() {
    let daemon = FakeDaemon::start(|method, params| match method {
        "workspace.remove" => Ok(
            json!({ "workspace": "id1", "root": "/w", "head": 3, "purged": params["purge"] == true }),
        ),
        _ => Err(RpcError::new(ErrorKind::Busy, "unexpected")),
    });
    assert_eq!(
        daemon.run("aft unwatch --purge --yes").out,
        "No longer watching /w; its history is deleted.\n"
    );
    assert_eq!(
        daemon.run("aft unwatch /w").out,
        "No longer watching /w; its history stays.\n"
    );
    let calls = daemon.calls();
    assert_eq!(calls[0].1["purge"], true);
    assert!(calls.iter().all(|(_, params)| params["dry_run"].is_null()));
    assert!(is_yes("y\n") && is_yes(" YES \n"));
    assert!(!is_yes("\n") && !is_yes("yeah\n") && !is_yes("n\n"));
}
