//! A JSON file with hooks, edited in place: what is not ours keeps its order, its form and its comments.
//!
//! Does not: touch the disk.

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstArray, CstInputValue, CstNode, CstObject, CstRootNode};
use serde_json::Value;

use super::places::Hooks;

/// Why a file cannot be edited.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum EditError {
    #[error("it is not JSON: {0}")]
    NotJson(String),
    #[error("`{0}` in it is not {1}")]
    WrongKind(String, &'static str),
}

/// The text with our hooks in it, or without them; `None` is no file.
pub(super) fn edited(
    before: Option<&str>,
    hooks: &Hooks,
    remove: bool,
) -> Result<Option<String>, EditError> {
    let text = before.unwrap_or_default();
    if text.trim().is_empty() {
        return Ok(if remove {
            before.map(str::to_owned)
        } else {
            Some(fresh(hooks))
        });
    }
    let root = CstRootNode::parse(text, &strict())
        .map_err(|error| EditError::NotJson(error.to_string()))?;
    let top = match root.value() {
        Some(CstNode::Container(_)) => root.object_value(),
        _ => None,
    };
    let top = top.ok_or_else(|| EditError::WrongKind("the whole".to_owned(), "an object"))?;
    let changed = if remove {
        take_out(&top, hooks)?
    } else {
        put_in(&top, hooks)?
    };
    Ok(Some(if changed {
        root.to_string()
    } else {
        text.to_owned()
    }))
}

/// Comments and trailing commas are forgiven, as the agents themselves do; nothing else is.
fn strict() -> ParseOptions {
    ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

fn fresh(hooks: &Hooks) -> String {
    // In order, which a map of values would not keep.
    let mut text = String::from("{\n");
    if let Some(version) = hooks.version {
        text.push_str(&format!("  \"version\": {version},\n"));
    }
    text.push_str("  \"hooks\": {\n");
    let entries: Vec<String> = hooks
        .entries
        .iter()
        .map(|(event, entry)| {
            let list = Value::Array(vec![entry.clone()]);
            let list = serde_json::to_string_pretty(&list).unwrap_or_default();
            format!("    \"{event}\": {}", list.replace('\n', "\n    "))
        })
        .collect();
    text.push_str(&entries.join(",\n"));
    text.push_str("\n  }\n}\n");
    text
}

fn put_in(top: &CstObject, hooks: &Hooks) -> Result<bool, EditError> {
    if let Some(version) = hooks.version
        && top.get("version").is_none()
    {
        top.insert(0, "version", CstInputValue::from(version));
    }
    let all = match top.get("hooks") {
        None => None,
        Some(found) => Some(
            found
                .object_value()
                .ok_or_else(|| EditError::WrongKind("hooks".to_owned(), "an object"))?,
        ),
    };
    // Everything is looked at before anything is changed.
    if let Some(all) = &all {
        for (event, _) in &hooks.entries {
            list_of(all, event)?;
        }
    }
    let all = all.unwrap_or_else(|| top.object_value_or_set("hooks"));
    let mut changed = false;
    for (event, entry) in &hooks.entries {
        let list = match list_of(&all, event)? {
            Some(list) => list,
            None => all.array_value_or_set(event),
        };
        let ours: Vec<CstNode> = list
            .elements()
            .into_iter()
            .filter(|element| ours_in(element, hooks.agent) > 0)
            .collect();
        if let [only] = ours.as_slice()
            && value_of(only).as_ref() == Some(entry)
        {
            continue;
        }
        for element in ours {
            take_out_of(element, hooks.agent);
        }
        list.ensure_multiline();
        list.append(input(entry));
        changed = true;
    }
    Ok(changed)
}

fn take_out(top: &CstObject, hooks: &Hooks) -> Result<bool, EditError> {
    let Some(found) = top.get("hooks") else {
        return Ok(false);
    };
    let all = found
        .object_value()
        .ok_or_else(|| EditError::WrongKind("hooks".to_owned(), "an object"))?;
    let mut changed = false;
    // Also under events that an earlier version of us wrote to.
    for property in all.properties() {
        let Some(list) = property.array_value() else {
            continue;
        };
        let ours: Vec<CstNode> = list
            .elements()
            .into_iter()
            .filter(|element| ours_in(element, hooks.agent) > 0)
            .collect();
        if ours.is_empty() {
            continue;
        }
        for element in ours {
            take_out_of(element, hooks.agent);
        }
        changed = true;
        if list.elements().is_empty() {
            property.remove();
        }
    }
    if changed && all.properties().is_empty() {
        found.remove();
    }
    Ok(changed)
}

/// The list of an event; `None` where there is none.
fn list_of(all: &CstObject, event: &str) -> Result<Option<CstArray>, EditError> {
    match all.get(event) {
        None => Ok(None),
        Some(found) => found
            .array_value()
            .map(Some)
            .ok_or_else(|| EditError::WrongKind(format!("hooks.{event}"), "a list")),
    }
}

/// How many of an entry's commands are ours: of a group, or of an entry that is a command itself.
fn ours_in(element: &CstNode, agent: &str) -> usize {
    let Some(object) = element.as_object() else {
        return 0;
    };
    match object.array_value("hooks") {
        Some(group) => group
            .elements()
            .iter()
            .filter(|hook| is_ours(hook, agent))
            .count(),
        None => usize::from(is_ours(element, agent)),
    }
}

/// Takes our commands out of an entry, and the entry itself where nothing else is in it.
fn take_out_of(element: CstNode, agent: &str) {
    let group = element
        .as_object()
        .and_then(|object| object.array_value("hooks"));
    let Some(group) = group else {
        element.remove();
        return;
    };
    for hook in group.elements() {
        if is_ours(&hook, agent) {
            hook.remove();
        }
    }
    if group.elements().is_empty() {
        element.remove();
    }
}

/// `…/aft hook AGENT …`, wherever the program is and whatever follows.
fn is_ours(hook: &CstNode, agent: &str) -> bool {
    let command = hook
        .as_object()
        .and_then(|hook| hook.get("command"))
        .and_then(|command| command.value())
        .and_then(|value| value.as_string_lit())
        .and_then(|text| text.decoded_value().ok());
    let Some(command) = command else {
        return false;
    };
    let mut parts = command.splitn(2, " hook ");
    let (Some(program), Some(rest)) = (parts.next(), parts.next()) else {
        return false;
    };
    let program = program.trim().trim_matches(['\'', '"']);
    let name = program.rsplit('/').next().unwrap_or_default();
    // A copy of the program by another name, such as `aft-nightly`, is ours too.
    let is_program = name == "aft" || name.starts_with("aft-");
    is_program && rest.split_whitespace().next() == Some(agent)
}

/// What a node says, whatever its form.
fn value_of(node: &CstNode) -> Option<Value> {
    serde_json::from_str(&node.to_string()).ok()
}

fn input(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(value) => CstInputValue::Bool(*value),
        Value::Number(value) => CstInputValue::Number(value.to_string()),
        Value::String(value) => CstInputValue::String(value.clone()),
        Value::Array(items) => CstInputValue::Array(items.iter().map(input).collect()),
        Value::Object(object) => CstInputValue::Object(
            object
                .iter()
                .map(|(name, value)| (name.clone(), input(value)))
                .collect(),
        ),
    }
}
