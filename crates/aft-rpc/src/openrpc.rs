//! The OpenRPC document that `rpc.discover` returns.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::methods::{METHODS, Method};
use crate::types::event::{Event, EventName};
use crate::types::hello::Role;
use crate::types::payload::payload_of;
use crate::{ErrorKind, RpcError};

/// OpenRPC 1.3.2 with every method, its roles (`x-roles`), whether it changes something (`x-changes`), its schemas and errors,
/// and with every event (`x-events`).
#[must_use]
pub fn document(version: &str) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
    });
    let mut generator = settings.into_generator();
    let methods: Vec<Value> = METHODS
        .iter()
        .map(|method| {
            let params = (method.params)(&mut generator).to_value();
            let result = (method.result)(&mut generator).to_value();
            describe(method, &params, &result)
        })
        .collect();
    let error = generator.subschema_for::<RpcError>().to_value();
    let event = generator.subschema_for::<Event>().to_value();
    let events: Map<String, Value> = EventName::ALL
        .into_iter()
        .map(|name| {
            let (payload, summary) = payload_of(name, &mut generator);
            let told = json!({ "summary": summary, "payload": payload });
            (name.as_str().to_owned(), told)
        })
        .collect();
    let schemas: Map<String, Value> = generator.take_definitions(true);
    let methods: Vec<Value> = methods
        .into_iter()
        .map(|method| with_named_params(method, &schemas))
        .collect();
    json!({
        "openrpc": "1.3.2",
        "info": {
            "title": "Afterimage",
            "version": version,
            "description": "JSON-RPC 2.0, one JSON object a line, over Unix stream sockets. A notification from the server has method `event`."
        },
        "methods": methods,
        "x-error": error,
        "x-notification": { "method": "event", "params": event },
        "x-events": events,
        "components": { "schemas": schemas, "errors": errors() }
    })
}

fn describe(method: &Method, params: &Value, result: &Value) -> Value {
    let roles: Vec<&str> = method.roles.iter().map(|role| role.as_str()).collect();
    json!({
        "name": method.name,
        "summary": method.doc,
        "paramStructure": "by-name",
        "params": params,
        "result": { "name": "result", "schema": result },
        "errors": errors_of(method, params),
        "x-roles": roles,
        "x-changes": method.changes(),
    })
}

/// Takes back or brings back: what is there now may be in the way.
const TRAVEL: &[&str] = &[
    "undo",
    "redo",
    "rollback.",
    "milestone.import",
    "branch.",
    "experiment.",
];
/// Runs commands that a person must have approved.
const RUNS: &[&str] = &["verify.", "trust.", "experiment."];
/// Looks into the store, or writes beside it, though it names no workspace.
const OF_THE_STORE: &[&str] = &["store.", "audit.", "purge", "daemon.logs", "events."];

/// The errors a method may have, each whole, as not every reader follows a reference here. Beside these any request may be told that it is no request.
fn errors_of(method: &Method, params: &Value) -> Vec<Value> {
    let is_of = |families: &[&str]| {
        families
            .iter()
            .any(|family| method.name.starts_with(family))
    };
    let is_free = matches!(
        method.name,
        "hello" | "rpc.discover" | "daemon.status" | "workspace.list"
    );
    let reaches = !is_free && params.get("$ref").is_some();
    let travels = is_of(TRAVEL);
    let may = |kind: ErrorKind| match kind {
        ErrorKind::Invalid | ErrorKind::TooLarge => true,
        ErrorKind::NotFound | ErrorKind::Busy | ErrorKind::Corrupt => reaches,
        ErrorKind::Detached | ErrorKind::NotArmed => reaches && !is_of(&["daemon.", "audit."]),
        // Secrets are not shown on the lesser sockets either.
        ErrorKind::Forbidden => !method.allows(Role::Editor) || is_of(&["file.", "blame"]),
        ErrorKind::StoreFull => method.changes() || is_of(OF_THE_STORE) || method.name == "sync",
        ErrorKind::VersionConflict | ErrorKind::EditConflict => travels,
        ErrorKind::Untrusted => is_of(RUNS),
    };
    let kinds = ErrorKind::ALL.into_iter().filter(|kind| may(*kind));
    kinds.map(error_of).collect()
}

fn error_of(kind: ErrorKind) -> Value {
    json!({ "code": kind.code(), "message": kind.as_str(), "data": { "kind": kind.as_str() } })
}

/// Takes the schema of the parameters apart into one content descriptor a field, as OpenRPC wants it.
fn with_named_params(mut method: Value, schemas: &Map<String, Value>) -> Value {
    let reference = method
        .pointer("/params/$ref")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let name = reference.rsplit('/').next().unwrap_or_default();
    let schema = schemas.get(name).cloned().unwrap_or(Value::Null);
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut params: Vec<Value> = schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(field, schema)| json!({ "name": field, "required": required.contains(&field.as_str()), "schema": schema }))
        .collect();
    // Required ones first, as the specification asks.
    params.sort_by_key(|param| {
        !param
            .get("required")
            .and_then(Value::as_bool)
            .unwrap_or(false)
    });
    if let Some(object) = method.as_object_mut() {
        object.insert("params".to_owned(), Value::Array(params));
        if !reference.is_empty() {
            object.insert("x-params-schema".to_owned(), json!({ "$ref": reference }));
        }
    }
    method
}

fn errors() -> Value {
    let errors = ErrorKind::ALL.into_iter();
    let errors = errors.map(|kind| (kind.as_str().to_owned(), error_of(kind)));
    Value::Object(errors.collect())
}
