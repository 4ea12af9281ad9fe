//! JSON Schemas as clients of every make read them.
//!
//! Does not: know tools.

use schemars::JsonSchema;
use serde_json::{Map, Value};

/// The schema of a type, without what only Rust programs understand.
pub(crate) fn of<T: JsonSchema>() -> Map<String, Value> {
    let mut schema = schemars::schema_for!(T).to_value();
    clean(&mut schema);
    match schema {
        Value::Object(mut schema) => {
            schema.remove("$schema");
            schema.entry("type").or_insert_with(|| "object".into());
            schema
        }
        _ => Map::new(),
    }
}

/// The same without sentences, and without what goes without saying of a result (that a number of things is not below
/// zero): a client checks results against it and nobody reads it, while all of it is sent to every client that lists the
/// tools.
pub(crate) fn terse<T: JsonSchema>() -> Map<String, Value> {
    let mut schema = Value::Object(of::<T>());
    silence(&mut schema, true);
    match schema {
        Value::Object(schema) => schema,
        _ => Map::new(),
    }
}

/// Takes that away; a property of such a name is none of it.
fn silence(schema: &mut Value, is_schema: bool) {
    match schema {
        Value::Object(object) => {
            if is_schema {
                for name in ["description", "title", "default", "minimum"] {
                    object.remove(name);
                }
                gather_words(object);
            }
            for (name, value) in object {
                let holds_names = is_schema && matches!(name.as_str(), "properties" | "$defs");
                silence(value, !holds_names);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| silence(item, true)),
        _ => {}
    }
}

/// A choice among words in its short form.
fn gather_words(schema: &mut Map<String, Value>) {
    let Some(Value::Array(choices)) = schema.get("oneOf") else {
        return;
    };
    let words: Option<Vec<Value>> = choices
        .iter()
        .map(|one| one.get("const").cloned())
        .collect();
    if let Some(words) = words {
        schema.remove("oneOf");
        schema.insert("enum".to_owned(), Value::Array(words));
    }
}

/// Formats such as `uint64` are not in any standard, and strict validators stumble over them.
fn clean(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            let is_number = |format: &Value| {
                let format = format.as_str().unwrap_or_default();
                ["int", "uint", "float", "double"]
                    .iter()
                    .any(|start| format.starts_with(start))
            };
            if object.get("format").is_some_and(is_number) {
                object.remove("format");
            }
            object.values_mut().for_each(clean);
        }
        Value::Array(items) => items.iter_mut().for_each(clean),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
