//! Which ids a client may choose.

use super::check_id;

#[test]
fn an_agents_own_id_is_taken() {
    for id in [
        "claude-code:8f0c2f6e-55f1-4f4e-9a3b-0c1d2e3f4a5b",
        "codex:019a:agent_7",
        "a:.-_0000",
    ] {
        assert!(check_id(id).is_ok(), "{id}");
    }
}

#[test]
fn what_reads_as_something_else_is_refused() {
    let long = format!("a:{}", "0".repeat(200));
    for id in [
        "",
        "a:b",
        "no-colon-in-this-one",
        "agent:claude-code",
        "-x:0000000",
        ":00000000",
        "claude:with space",
        "claude:\u{e9}\u{e9}\u{e9}\u{e9}",
        "claude:a/b/c/d",
        long.as_str(),
    ] {
        assert!(check_id(id).is_err(), "{id}");
    }
}
