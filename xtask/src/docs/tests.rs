//! Pages are made from what the binary and the method table say.

use super::*;

#[test]
fn commands_are_read_from_help() {
    let help = "Usage: aft [OPTIONS] <COMMAND>\n\nCommands:\n  watch   Track a directory\n          and more\n  log, l  Operations\n  help    Print this\n\nOptions:\n  -h\n";
    assert_eq!(cli::commands(help), ["watch", "log"]);
    assert!(cli::commands("Usage: aft log\n\nOptions:\n  -n\n").is_empty());
}

#[test]
fn pages_end_in_one_newline_and_have_no_trailing_blanks() {
    assert_eq!(tidy_text("a  \nb\n\n\n"), "a\nb\n");
}

#[test]
fn a_method_becomes_a_section_with_its_parameters() {
    let document = serde_json::json!({
        "info": { "title": "T", "version": "1" },
        "methods": [{
            "name": "sync",
            "summary": "A fence",
            "params": [
                { "name": "workspace", "required": true, "schema": { "type": "string", "description": "Root | id" } },
                { "name": "durable", "schema": { "type": ["boolean", "null"] } }
            ],
            "result": { "name": "result", "schema": { "$ref": "#/components/schemas/SyncResult" } },
            "errors": [{ "code": -32011, "message": "busy" }, { "code": -32602, "message": "invalid" }],
            "x-roles": ["agent", "control"], "x-changes": true
        }],
        "x-events": { "sync:state": { "summary": "It changed.", "payload": { "$ref": "#/components/schemas/SavePayload" } } },
        "components": { "schemas": { "SyncResult": { "type": "object", "properties": { "head": { "type": "integer", "description": "Newest" } } } } }
    });
    let text = rpc::render(&document);
    assert!(text.contains("## `sync`\n\nA fence\n"), "{text}");
    assert!(
        text.contains("| `workspace` | string | yes | Root \\| id |"),
        "{text}"
    );
    assert!(
        text.contains("| `durable` | boolean or null | | |"),
        "{text}"
    );
    assert!(
        text.contains("Result: `SyncResult`\n\nErrors: busy, invalid\n"),
        "{text}"
    );
    assert!(
        text.contains("Sockets: agent, control. In the audit log"),
        "{text}"
    );
    assert!(
        text.contains("| `sync:state` | `SavePayload` | It changed. |"),
        "{text}"
    );
    assert!(text.contains("### `SyncResult`\n"), "{text}");
    assert!(text.contains("| `head` | integer | | Newest |"), "{text}");
}
