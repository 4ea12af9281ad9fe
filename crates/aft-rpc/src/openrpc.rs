//! The OpenRPC document that `rpc.discover` returns.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::ErrorKind;
use crate::methods::{METHODS, Method};

/// OpenRPC 1.3.2 with every method, its roles (`x-roles`), schemas and errors.
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
        "x-roles": roles,
    })
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
    let errors = ErrorKind::ALL.into_iter().map(|kind| {
        let error = json!({ "code": kind.code(), "message": kind.as_str(), "data": { "kind": kind.as_str() } });
        (kind.as_str().to_owned(), error)
    });
    Value::Object(errors.collect())
}
