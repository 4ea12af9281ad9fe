//! What a client is shown of ids: its own whole, others' not, and everything else as it was.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const OWN: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const OTHER: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const TURN: &str = "cccccccccccccccccccccccccccccccc";

/// An id as others are shown it.
fn shortened(id: &str) -> &str {
    &id[..shown(id.as_bytes())]
}

fn seen(known: &[&str], value: &Value) -> Value {
    let veil = Veil::default();
    known.iter().for_each(|id| veil.know(id));
    let covered = veil.cover(value.to_string().into_bytes());
    serde_json::from_slice(&covered).unwrap()
}

#[test]
fn own_ids_are_whole_and_others_are_shortened() {
    let operations = json!({"result": {"operations": [
        {"operation": 1, "session": OWN, "turn": TURN, "note": OTHER},
        {"turn": TURN, "operation": 2, "session": OTHER},
        {"operation": 3, "turn": TURN},
    ], "sessions": [OWN, OTHER], "parent": OTHER}});
    assert_eq!(
        seen(&[OWN], &operations),
        json!({"result": {"operations": [
            {"operation": 1, "session": OWN, "turn": TURN, "note": OTHER},
            {"turn": "cccccccc", "operation": 2, "session": "bbbbbbbb"},
            {"operation": 3, "turn": "cccccccc"},
        ], "sessions": [OWN, "bbbbbbbb"], "parent": "bbbbbbbb"}})
    );
    assert_eq!(seen(&[OWN, OTHER, TURN], &operations), operations);
}

/// A subagent works within the turn of the session that started it.
#[test]
fn a_turn_beside_an_own_session_is_whole_only_where_that_session_began_it() {
    let began = |session: &str, turn: &str| session == OWN && turn == TURN;
    let veil = Veil::asking(Box::new(began));
    veil.know(OWN);
    let line = json!([
        {"session": OWN, "turn": TURN},
        {"session": OWN, "turn": OTHER},
        {"session": OTHER, "turn": OTHER},
    ]);
    let shown = veil.cover(line.to_string().into_bytes());
    assert_eq!(
        serde_json::from_slice::<Value>(&shown).unwrap(),
        json!([
            {"session": OWN, "turn": TURN},
            {"session": OWN, "turn": "bbbbbbbb"},
            {"session": "bbbbbbbb", "turn": "bbbbbbbb"},
        ])
    );
    assert!(veil.known.lock().contains(&TURN.to_owned()), "asked once");
}

#[test]
fn sessions_that_are_objects_and_what_clients_keep_are_left_as_they_are() {
    let status = json!({"sessions": [
        {"session": OTHER, "metadata": {"session": OTHER, "deep": [{"turn": TURN}]}, "turn": TURN, "agent": "a"},
    ], "metadata": "session", "content": format!("{{\"session\":\"{OTHER}\"}}"), "session": null});
    let shown = seen(&[], &status);
    assert_eq!(shown["sessions"][0]["session"], "bbbbbbbb");
    assert_eq!(shown["sessions"][0]["turn"], "cccccccc");
    assert_eq!(
        shown["sessions"][0]["metadata"],
        status["sessions"][0]["metadata"]
    );
    assert_eq!(shown["content"], status["content"]);
}

#[test]
fn of_an_id_of_a_clients_own_making_the_kind_is_shown_and_never_more_than_half() {
    assert_eq!(
        shortened("claude-code:8f0c2f6e-55f1-4f4e"),
        "claude-code:8f0c2f6e"
    );
    assert_eq!(shortened("a:123456"), "a:123");
    assert_eq!(shortened("x:"), "x:");
    assert_eq!(shortened(""), "");
}

#[test]
fn what_is_named_in_a_request_is_known_and_no_more_than_so_many() {
    let veil = Veil::default();
    veil.know_named(&json!({"session": OWN, "paths": [OTHER], "parent": "a:parent"}).to_string());
    let line = json!({"session": OWN, "parent": "a:parent", "sessions": [OTHER]}).to_string();
    let shown = String::from_utf8(veil.cover(line.into_bytes())).unwrap();
    assert!(
        shown.contains(OWN) && shown.contains("a:parent") && !shown.contains(OTHER),
        "{shown}"
    );
    for number in 0..KNOWN_MAX {
        veil.know(&format!("{number:032}"));
    }
    veil.know(&"x".repeat(ID_MAX + 1));
    assert_eq!(veil.known.lock().len(), KNOWN_MAX);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<u64>().prop_map(Value::from),
        "[\\PC\"\\\\]{0,12}".prop_map(Value::from),
        Just(Value::from(OTHER)),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let name = prop_oneof![
            Just("session".to_owned()),
            Just("turn".to_owned()),
            Just("sessions".to_owned()),
            Just("metadata".to_owned()),
            "[\\PC\"\\\\]{0,4}"
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// The same over values.
fn by_hand(value: &Value, key: Key) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(name, value)| {
                    let own = if key == Key::Kept {
                        key
                    } else {
                        Key::named(name.as_bytes())
                    };
                    (name.clone(), by_hand(value, own))
                })
                .collect(),
        ),
        Value::Array(items) => items.iter().map(|item| by_hand(item, key)).collect(),
        Value::String(text) if !matches!(key, Key::Plain | Key::Kept) => Value::from(cut(text)),
        other => other.clone(),
    }
}

/// Ids have no characters that are written in another way.
fn cut(text: &str) -> String {
    if text == OTHER {
        shortened(text).to_owned()
    } else {
        text.to_owned()
    }
}

proptest! {
    #[test]
    fn any_answer_is_the_same_but_for_ids(value in any_json()) {
        let veil = Veil::default();
        // Everything but the other's id is known, so that only that is looked at.
        let mut texts = Vec::new();
        Scan::of(value.to_string().as_bytes(), |_, range, _| texts.push(range));
        let line = value.to_string();
        for range in texts {
            let text = &line[range];
            if text != OTHER {
                veil.know(text);
            }
        }
        let covered = veil.cover(line.into_bytes());
        let shown: Value = serde_json::from_slice(&covered).unwrap();
        let expected = by_hand(&value, Key::Plain);
        prop_assert_eq!(blurred(&shown), blurred(&expected));
    }
}

/// A turn beside an own session stays whole, which the model does not know.
fn blurred(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| {
                let value = if name == "turn" {
                    Value::Null
                } else {
                    blurred(value)
                };
                (name.clone(), value)
            })
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Array(items) => items.iter().map(blurred).collect(),
        other => other.clone(),
    }
}
