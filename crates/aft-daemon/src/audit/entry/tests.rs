//! What is noted of a request, and what never is.

use serde_json::json;

use super::*;

fn noted(params: &Value) -> Value {
    Value::Object(main_parameters(params.as_object().unwrap()))
}

#[test]
fn sentences_metadata_and_commands_of_a_client_are_not_noted() {
    let all = json!({
        "workspace": "/w", "name": "n", "message": "S3CRET", "metadata": {"a": "S3CRET"}, "label": "S3CRET",
        "prompt_id": "S3CRET", "approaches": {"a": "S3CRET"}, "command": ["S3CRET"], "keep": "user", "force": true,
    });
    assert_eq!(
        noted(&all),
        json!({"name": "n", "keep": "user", "force": true})
    );
}

#[test]
fn what_says_nothing_is_left_out_and_what_is_long_is_cut() {
    let long = "ü".repeat(1000);
    let names: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    let all = json!({"force": false, "count": null, "point": long, "names": names, "file": {"base64": "/w=="}});
    let noted = noted(&all);
    assert_eq!(
        noted["point"].as_str().unwrap().chars().count(),
        TEXT_MAX + 1
    );
    assert_eq!(noted["names"].as_array().unwrap().len(), LIST_MAX + 1);
    assert_eq!(noted["names"][LIST_MAX], "and 12 more");
    assert_eq!(noted["file"], json!({"base64": "/w=="}));
    assert_eq!(noted.as_object().unwrap().len(), 3);
}

#[test]
fn of_names_of_files_only_their_number_is_noted() {
    let all = json!({"path": "a", "paths": ["b", {"base64": "/w=="}], "count": 1});
    assert_eq!(noted(&all), json!({"count": 1, "n_paths": 3}));
}

#[test]
fn an_entry_that_was_written_is_read() {
    let text = r#"{"time":"2026-11-22T03:00:00.000000001Z","socket":"agent","uid":0,"pid":7,"method":"undo","workspace":"ab","root":{"base64":"/w=="},"params":{"count":2},"outcome":"done","operation":12}"#;
    let entry = Entry::read(text).unwrap();
    assert_eq!(entry.to_json().unwrap(), text);
    assert!(text.starts_with("{\"time\""));
    let least = r#"{"time":"2026-11-22T03:00:00.000000001Z","socket":"editor","uid":5,"method":"undo","outcome":"forbidden"}"#;
    assert_eq!(Entry::read(least).unwrap().to_json().unwrap(), least);
    assert_eq!(Entry::read(r#"{"dropped":5}"#), None);
}
