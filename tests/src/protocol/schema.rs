//! Whether a value is what a JSON Schema says: the few words of it that the document uses.
//!
//! Does not: know formats. A word it does not know is told as a mistake, so that nothing passes unlooked at.

use serde_json::{Map, Value};

/// Words with a meaning here, and those without one for validity.
const KNOWN: [&str; 21] = [
    "$ref",
    "$schema",
    "additionalProperties",
    "anyOf",
    "const",
    "contentEncoding",
    "default",
    "deprecated",
    "description",
    "enum",
    "examples",
    "format",
    "items",
    "maximum",
    "minimum",
    "oneOf",
    "properties",
    "required",
    "title",
    "type",
    "maxItems",
];

/// What is wrong with `value`, each with its place; empty when nothing is.
pub(super) fn wrong(value: &Value, schema: &Value, document: &Value) -> Vec<String> {
    let mut check = Check {
        document,
        wrong: Vec::new(),
    };
    check.value(value, schema, "$");
    check.wrong
}

struct Check<'a> {
    document: &'a Value,
    wrong: Vec<String>,
}

impl Check<'_> {
    fn tell(&mut self, at: &str, what: &str) {
        self.wrong.push(format!("{at}: {what}"));
    }

    fn value(&mut self, value: &Value, schema: &Value, at: &str) {
        let words = match schema {
            Value::Bool(true) => return,
            Value::Object(words) => words,
            _ => return self.tell(at, "nothing may stand here"),
        };
        for word in words.keys() {
            if !KNOWN.contains(&word.as_str()) && !word.starts_with("x-") {
                self.tell(at, &format!("the schema uses `{word}`"));
            }
        }
        if let Some(reference) = words.get("$ref").and_then(Value::as_str) {
            let document = self.document;
            match document.pointer(reference.trim_start_matches('#')) {
                Some(schema) => self.value(value, schema, at),
                None => self.tell(at, &format!("{reference} leads nowhere")),
            }
        }
        for several in ["anyOf", "oneOf"] {
            if let Some(all) = words.get(several).and_then(Value::as_array) {
                let document = self.document;
                let fits = all
                    .iter()
                    .filter(|one| wrong(value, one, document).is_empty());
                let n = fits.count();
                if n == 0 || (several == "oneOf" && n > 1) {
                    self.tell(at, &format!("{value} fits {n} of `{several}`"));
                }
            }
        }
        self.plain(value, words, at);
        match value {
            Value::Object(fields) => self.object(fields, words, at),
            Value::Array(items) => {
                let schema = words.get("items").unwrap_or(&Value::Bool(true));
                for (index, item) in items.iter().enumerate() {
                    self.value(item, schema, &format!("{at}[{index}]"));
                }
            }
            _ => {}
        }
    }

    fn plain(&mut self, value: &Value, words: &Map<String, Value>, at: &str) {
        if words.get("const").is_some_and(|wanted| wanted != value) {
            self.tell(at, &format!("{value} is not what it must be"));
        }
        let list = words.get("enum").and_then(Value::as_array);
        if list.is_some_and(|list| !list.contains(value)) {
            self.tell(at, &format!("{value} is not one of the list"));
        }
        let kinds: Vec<&str> = match words.get("type") {
            Some(Value::String(kind)) => vec![kind],
            Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        if !kinds.is_empty() && !kinds.iter().any(|kind| is(value, kind)) {
            self.tell(
                at,
                &format!("{value} is not of type {}", kinds.join(" or ")),
            );
        }
        let minimum = words.get("minimum").and_then(Value::as_f64);
        if minimum.is_some_and(|minimum| value.as_f64().is_some_and(|value| value < minimum)) {
            self.tell(at, &format!("{value} is too small"));
        }
    }

    fn object(&mut self, fields: &Map<String, Value>, words: &Map<String, Value>, at: &str) {
        let named = words.get("properties").and_then(Value::as_object);
        let required = words.get("required").and_then(Value::as_array);
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(name) {
                self.tell(at, &format!("`{name}` is missing"));
            }
        }
        // An answer holds only what the document names: what is not named, no typed client can read.
        let others = match words.get("additionalProperties") {
            Some(others) => others.clone(),
            None => Value::Bool(named.is_none()),
        };
        for (name, value) in fields {
            let schema = named.and_then(|named| named.get(name)).unwrap_or(&others);
            self.value(value, schema, &format!("{at}.{name}"));
        }
    }
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "string" => value.is_string(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        _ => false,
    }
}

#[test]
fn what_does_not_fit_is_told_with_its_place() {
    use serde_json::json;
    let document = json!({"components": {"schemas": {"N": {"type": "integer", "minimum": 0}}}});
    let schema = json!({
        "type": "object", "required": ["n"],
        "properties": {"n": {"$ref": "#/components/schemas/N"}, "l": {"type": ["array", "null"], "items": {"enum": ["a"]}}},
    });
    assert_eq!(
        wrong(&json!({"n": 1, "l": ["a"]}), &schema, &document),
        [] as [String; 0]
    );
    for (value, place) in [
        (json!({}), "$: `n`"),
        (json!({"n": -1}), "$.n: -1 is too small"),
        (json!({"n": 1.5}), "$.n: 1.5 is not of type"),
        (json!({"n": 1, "l": ["b"]}), "$.l[0]: "),
        (json!({"n": 1, "more": 1}), "$.more: nothing"),
        (json!([]), "$: [] is not of type"),
    ] {
        let told = wrong(&value, &schema, &document);
        assert!(
            told.iter().any(|told| told.starts_with(place)),
            "{value}: {told:?}"
        );
    }
}
