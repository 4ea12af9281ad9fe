//! What a schema must not hold.

use serde_json::Value;

use crate::tools::TOOLS;

fn formats(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::String(format)) = object.get("format") {
                found.push(format.clone());
            }
            object.values().for_each(|value| formats(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| formats(item, found)),
        _ => {}
    }
}

#[test]
fn every_tool_takes_and_gives_an_object_in_standard_terms() {
    for tool in TOOLS {
        for schema in [(tool.input)(), (tool.output)()] {
            assert_eq!(
                schema.get("type"),
                Some(&Value::from("object")),
                "{}",
                tool.name
            );
            let mut found = Vec::new();
            formats(&Value::Object(schema), &mut found);
            assert!(
                found.iter().all(|format| format == "date-time"),
                "{}: {found:?}",
                tool.name
            );
        }
    }
}

#[test]
fn every_tool_names_its_workspace_itself() {
    for tool in TOOLS {
        let input = Value::Object((tool.input)());
        let required = input["required"].as_array().unwrap();
        assert!(
            required.contains(&Value::from("workspace")),
            "{} has hidden state",
            tool.name
        );
    }
}
