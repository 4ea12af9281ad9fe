//! The protocol's reference: the OpenRPC document, and the same for people.
//!
//! Does: render the method table that `rpc.discover` answers.
//! Does not: know a method.

use std::path::Path;

use anyhow::Context as _;
use serde_json::{Map, Value};

use super::{NOTICE, tidy_text};

/// The OpenRPC document as it is published.
pub(super) fn document(_root: &Path) -> anyhow::Result<String> {
    let text =
        serde_json::to_string_pretty(&openrpc()).context("the OpenRPC document is no JSON")?;
    Ok(tidy_text(&text))
}

/// The page for people.
pub(super) fn page(_root: &Path) -> anyhow::Result<String> {
    Ok(tidy_text(&render(&openrpc())))
}

fn openrpc() -> Value {
    aft_rpc::openrpc::document(env!("CARGO_PKG_VERSION"))
}

/// Every method with its parameters, then every type they name.
pub(super) fn render(document: &Value) -> String {
    let mut text = format!(
        "{NOTICE}# Methods\n\nJSON-RPC 2.0, one object a line, over `agent.sock`, `editor.sock` and `control.sock`. `openrpc.json` beside this page is the\n\
         same for programs, and what `rpc.discover` answers.\n"
    );
    for method in items(document, "methods") {
        text.push_str(&of_method(method));
    }
    text.push_str(&events(document));
    let schemas = document
        .pointer("/components/schemas")
        .and_then(Value::as_object);
    if let Some(schemas) = schemas {
        text.push_str("\n# Types\n");
        for (name, schema) in schemas {
            text.push_str(&describe(name, schema));
        }
    }
    text
}

/// A method with its parameters, its result and its errors.
fn of_method(method: &Value) -> String {
    let mut text = String::new();
    text.push_str(&format!("\n## `{}`\n\n", string(method, "name")));
    for key in ["summary", "description"] {
        if !string(method, key).is_empty() {
            text.push_str(&format!("{}\n\n", string(method, key)));
        }
    }
    let roles: Vec<&str> = items(method, "x-roles")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    if !roles.is_empty() {
        let changes = method.get("x-changes").and_then(Value::as_bool);
        let noted = if changes == Some(true) {
            ". In the audit log"
        } else {
            ""
        };
        text.push_str(&format!("Sockets: {}{noted}\n\n", roles.join(", ")));
    }
    let params = items(method, "params");
    if !params.is_empty() {
        text.push_str("| parameter | type | required | |\n|---|---|---|---|\n");
    }
    for param in params {
        let schema = param.get("schema").unwrap_or(&Value::Null);
        let required = param
            .get("required")
            .and_then(Value::as_bool)
            .unwrap_or(false);
        let about = [string(param, "description"), string(schema, "description")]
            .into_iter()
            .find(|text| !text.is_empty());
        text.push_str(&line(
            string(param, "name"),
            schema,
            required,
            about.unwrap_or_default(),
        ));
    }
    let result = method
        .get("result")
        .and_then(|result| result.get("schema"))
        .unwrap_or(&Value::Null);
    if !result.is_null() {
        let gap = if params.is_empty() { "" } else { "\n" };
        text.push_str(&format!("{gap}Result: {}\n", ticked(&kind(result))));
    }
    let errors: Vec<&str> = items(method, "errors")
        .iter()
        .map(|error| string(error, "message"))
        .collect();
    if !errors.is_empty() {
        text.push_str(&format!("\nErrors: {}\n", errors.join(", ")));
    }
    text
}

/// Every event with what it carries.
fn events(document: &Value) -> String {
    let Some(events) = document.get("x-events").and_then(Value::as_object) else {
        return String::new();
    };
    let mut text = "\n# Events\n\nA notification `event` has an `Event` as its parameters; its `payload` is, by its name:\n\n\
                    | event | payload | |\n|---|---|---|\n"
        .to_owned();
    for (name, event) in events {
        let payload = event.get("payload").map(kind).unwrap_or_default();
        let summary = string(event, "summary");
        text.push_str(&format!(
            "| `{name}` | {} | {summary} |\n",
            ticked(&payload)
        ));
    }
    text
}

fn describe(name: &str, schema: &Value) -> String {
    let mut text = format!("\n### `{name}`\n\n");
    if !string(schema, "description").is_empty() {
        text.push_str(&format!("{}\n\n", string(schema, "description")));
    }
    let empty = Map::new();
    let properties = schema
        .get("properties")
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    if properties.is_empty() {
        text.push_str(&format!("{}\n", ticked(&kind(schema))));
        return text;
    }
    let required = items(schema, "required");
    text.push_str("| field | type | always | |\n|---|---|---|---|\n");
    for (field, schema) in properties {
        let always = required.iter().any(|name| name.as_str() == Some(field));
        text.push_str(&line(field, schema, always, string(schema, "description")));
    }
    text
}

fn line(name: &str, schema: &Value, required: bool, about: &str) -> String {
    let about = about.replace('\n', " ").replace('|', "\\|");
    let cell = |text: &str| {
        if text.is_empty() {
            " ".to_owned()
        } else {
            format!(" {text} ")
        }
    };
    format!(
        "| `{name}` |{}|{}|{}|\n",
        cell(&kind(schema)),
        cell(if required { "yes" } else { "" }),
        cell(&about)
    )
}

/// A schema's type in a few words.
fn kind(schema: &Value) -> String {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        return reference.rsplit('/').next().unwrap_or(reference).to_owned();
    }
    for key in ["anyOf", "oneOf"] {
        let parts = items(schema, key);
        if !parts.is_empty() {
            return parts.iter().map(kind).collect::<Vec<_>>().join(" or ");
        }
    }
    let values = items(schema, "enum");
    if !values.is_empty() {
        return values
            .iter()
            .map(Value::to_string)
            .collect::<Vec<_>>()
            .join(", ");
    }
    if let Some(value) = schema.get("const") {
        return value.to_string();
    }
    match schema.get("type") {
        Some(Value::String(name)) if name == "array" => {
            format!(
                "list of {}",
                schema.get("items").map_or("anything".to_owned(), kind)
            )
        }
        Some(Value::String(name)) => name.clone(),
        Some(Value::Array(names)) => names
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(" or "),
        _ => "anything".to_owned(),
    }
}

/// A type's name stands as code; a description of one in words does not.
fn ticked(kind: &str) -> String {
    if kind.contains(' ') {
        kind.to_owned()
    } else {
        format!("`{kind}`")
    }
}

fn items<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn string<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
