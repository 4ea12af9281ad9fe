//! Every answer is what the document says: results by the schema of their method, errors by the one of errors.

use aft_testkit::daemon::Socket;
use serde_json::{Value, json};

use super::scene::{STEPS, Scene, methods};
use super::schema::wrong;

#[track_caller]
fn assert_fits(value: &Value, schema: &Value, document: &Value, what: &str) {
    let wrong = wrong(value, schema, document);
    assert!(wrong.is_empty(), "{what}: {wrong:#?}\n{value:#}");
}

fn method<'a>(document: &'a Value, name: &str) -> &'a Value {
    let found = methods(document)
        .into_iter()
        .find(|one| one["name"] == name);
    found.unwrap_or_else(|| panic!("the document does not have `{name}`"))
}

/// The error fits the schema, and its method says that it may have it.
#[track_caller]
fn assert_error(error: &Value, of: &Value, document: &Value, what: &str) {
    let schema = &document["components"]["schemas"]["RpcError"];
    assert!(schema.is_object(), "the document has no schema of errors");
    assert_fits(error, schema, document, what);
    let (kind, code) = (&error["data"]["kind"], &error["code"]);
    let listed = of["errors"].as_array().expect("errors of a method");
    let named = listed.iter().any(|one| {
        let one = match one["$ref"].as_str() {
            Some(reference) => document
                .pointer(reference.trim_start_matches('#'))
                .expect("an error"),
            None => one,
        };
        one["data"]["kind"] == *kind && one["code"] == *code
    });
    assert!(
        named,
        "{what}: {kind} with {code} is not among the errors of {}",
        of["name"]
    );
}

#[test]
fn every_method_answers_as_its_schema_says() {
    let mut scene = Scene::new();
    let mut connection = scene.connect(Socket::Control);
    let document = connection.expect_call("rpc.discover", &json!({}));
    for step in STEPS {
        let described = method(&document, step.method);
        let params = scene.params(step);
        let schema = &described["x-params-schema"];
        assert_fits(
            &params,
            schema,
            &document,
            &format!("the request of {}", step.method),
        );
        match scene.take(&mut connection, step) {
            Ok(result) => {
                let schema = &described["result"]["schema"];
                assert_fits(&result, schema, &document, step.method);
            }
            Err(error) => assert_error(&error, described, &document, step.method),
        }
    }
}

#[test]
fn what_makes_no_sense_is_refused_by_the_schema_of_errors() {
    let mut scene = Scene::new();
    let mut connection = scene.connect(Socket::Control);
    let document = connection.expect_call("rpc.discover", &json!({}));
    for step in STEPS.iter().take(3) {
        drop(scene.take(&mut connection, step));
    }
    for described in methods(&document) {
        let name = described["name"].as_str().expect("a name");
        let mut tries = vec![json!({"no_such_parameter": true}), json!([1, 2])];
        for param in described["params"].as_array().expect("params") {
            let mut wrong = json!({"workspace": scene.root()});
            wrong[param["name"].as_str().expect("a name")] = json!([[{"x": []}]]);
            tries.push(wrong);
        }
        if described["params"]
            .as_array()
            .is_some_and(|params| params.iter().any(|one| one["required"] == true))
        {
            tries.push(json!({}));
        }
        for params in tries {
            let what = format!("{name} {params}");
            match connection.call(name, &params) {
                Err(error) => {
                    assert_error(&error, described, &document, &what);
                    assert_eq!(error["data"]["kind"], "invalid", "{what}: {error}");
                }
                // Metadata may be anything.
                Ok(_) => assert!(params.get("metadata").is_some(), "{what} was carried out"),
            }
        }
    }
    let error = connection
        .call("no.such", &json!({}))
        .expect_err("there is no such method");
    assert_eq!(
        (&error["code"], &error["data"]["kind"]),
        (&json!(-32601), &json!("invalid")),
        "{error}"
    );
    let schema = &document["components"]["schemas"]["RpcError"];
    assert_fits(&error, schema, &document, "an unknown method");
}

#[test]
fn every_event_that_comes_is_what_the_document_says() {
    let mut scene = Scene::new();
    let mut connection = scene.connect(Socket::Control);
    let document = connection.expect_call("rpc.discover", &json!({}));
    let mut listening = scene.connect(Socket::Control);
    // What closes a workspace ends its subscriptions.
    let ends = ["purge", "workspace.remove", "daemon.stop"];
    for step in STEPS.iter().filter(|step| !ends.contains(&step.method)) {
        drop(scene.take(&mut connection, step));
        if step.method == "workspace.add" {
            // From here on: of the workspaces there are.
            listening.expect_call("events.subscribe", &json!({}));
        }
    }
    // Whatever happened before is told before this.
    scene.project.write("last", "the last\n");
    connection.expect_call(
        "checkpoint.create",
        &scene.about(json!({"name": "the-last"})),
    );
    let described = document["x-events"].as_object().expect("x-events");
    let mut seen = std::collections::BTreeSet::new();
    loop {
        let message = listening.next_event().expect("an event");
        let event = &message["params"];
        let name = event["event"].as_str().expect("its name").to_owned();
        let said = described
            .get(&name)
            .unwrap_or_else(|| panic!("{name} is not described"));
        assert_fits(
            event,
            &document["components"]["schemas"]["Event"],
            &document,
            &name,
        );
        assert_fits(&event["payload"], &said["payload"], &document, &name);
        let is_last = event["payload"]["checkpoint"] == "the-last";
        seen.insert(name);
        if is_last {
            break;
        }
    }
    for name in [
        "snapshot:created",
        "snapshot:rollback",
        "snapshot:milestone",
        "session:started",
        "session:ended",
        "sync:state",
    ] {
        assert!(seen.contains(name), "{name} did not come: {seen:?}");
    }
}
