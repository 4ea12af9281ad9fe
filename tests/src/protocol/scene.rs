//! A daemon with a workspace, and a valid request for every method, in an order in which all of them can be carried out.
//!
//! Does not: judge. Who adds a method adds a line to [`STEPS`].

use std::collections::BTreeMap;

use aft_testkit::daemon::{Connection, Socket};
use aft_testkit::{TestDaemon, Workspace};
use serde_json::{Value, json};

/// The three sockets, by the role that the document names.
pub(super) const SOCKETS: [(&str, Socket); 3] = [
    ("editor", Socket::Editor),
    ("agent", Socket::Agent),
    ("control", Socket::Control),
];

/// A daemon, a project, and what the methods answered last.
pub(super) struct Scene {
    pub(super) daemon: TestDaemon,
    pub(super) project: Workspace,
    /// A second directory, which the steps watch and let go.
    pub(super) other: Workspace,
    last: BTreeMap<&'static str, Value>,
}

/// One request.
pub(super) struct Step {
    pub(super) method: &'static str,
    params: fn(&Scene) -> Value,
    /// It is not carried out here because there is nothing to carry out: the error it must then have.
    pub(super) error: Option<&'static str>,
}

const fn step(method: &'static str, params: fn(&Scene) -> Value) -> Step {
    Step {
        method,
        params,
        error: None,
    }
}

const fn refused(method: &'static str, error: &'static str, params: fn(&Scene) -> Value) -> Step {
    Step {
        method,
        params,
        error: Some(error),
    }
}

/// Every method at least once. The last one ends the daemon.
pub(super) const STEPS: &[Step] = &[
    step("hello", |_| json!({"client": "test"})),
    step("rpc.discover", |_| json!({})),
    step("workspace.add", |scene| json!({"root": scene.root()})),
    step("workspace.list", |_| json!({})),
    step("workspace.status", |scene| scene.about(json!({}))),
    step("sync", |scene| scene.about(json!({"durable": true}))),
    step("session.start", |scene| {
        scene.about(json!({"agent": "test", "label": "a label", "metadata": {"a": 1}}))
    }),
    step(
        "turn.start",
        |scene| json!({"session": scene.session(), "tell": true}),
    ),
    step(
        "edit.begin",
        |scene| json!({"session": scene.session(), "tool": "Edit", "tool_use_id": "t1", "paths": ["f"], "tell": true}),
    ),
    step("edit.end", |scene| {
        scene.project.write("f", "written in a bracket\n");
        json!({"session": scene.session(), "tool_use_id": "t1", "success": true})
    }),
    step("turn.end", |scene| {
        scene.project.write("g", "written in a turn\n");
        json!({"session": scene.session(), "no_wait": true})
    }),
    step("session.list", |scene| scene.about(json!({"open": true}))),
    step(
        "session.show",
        |scene| json!({"session": scene.session(), "view": "unified"}),
    ),
    step("session.end", |scene| json!({"session": scene.session()})),
    step("history.list", |scene| {
        scene.about(json!({"limit": 2, "stat": true}))
    }),
    step("history.poll", |scene| scene.about(json!({"limit": 5}))),
    step("operation.show", |scene| {
        scene.about(json!({"operation": "@", "diff": "unified"}))
    }),
    step("diff", |scene| {
        scene.about(json!({"from": 1, "format": "hunks"}))
    }),
    step("file.history", |scene| scene.about(json!({"path": "f"}))),
    step("file.read", |scene| {
        scene.about(json!({"path": "f", "at": "@"}))
    }),
    step("tree.list", |scene| scene.about(json!({"limit": 10}))),
    step("blame", |scene| scene.about(json!({"path": "f"}))),
    step("checkpoint.create", |scene| {
        scene.about(json!({"name": "c", "message": "m", "metadata": {"a": 1}, "keep": "user"}))
    }),
    step("checkpoint.list", |scene| scene.about(json!({}))),
    step("checkpoint.show", |scene| scene.about(json!({"name": "c"}))),
    step("checkpoint.update", |scene| {
        scene.about(json!({"name": "c", "message": "other"}))
    }),
    step("undo", |scene| scene.about(json!({"count": 1}))),
    step("redo", |scene| scene.about(json!({}))),
    step("rollback.plan", |scene| scene.about(json!({"point": 1}))),
    step("rollback.apply", |scene| scene.about(json!({"point": 1}))),
    refused("rollback.resume", "not_found", |scene| {
        scene.about(json!({}))
    }),
    refused("rollback.revert", "not_found", |scene| {
        scene.about(json!({}))
    }),
    step("checkpoint.delete", |scene| {
        scene.about(json!({"name": "c"}))
    }),
    step("milestone.create", |scene| {
        scene.about(json!({"name": "m", "wait": true}))
    }),
    step("milestone.list", |scene| scene.about(json!({}))),
    step("milestone.show", |scene| {
        scene.about(json!({"name": "m", "history": 3}))
    }),
    step("milestone.verify", |scene| {
        scene.about(json!({"name": "m"}))
    }),
    step("milestone.update", |scene| {
        scene.about(json!({"name": "m", "message": "other"}))
    }),
    step("milestone.export", |scene| {
        scene.about(json!({"name": "m", "file": scene.parcel()}))
    }),
    step("milestone.delete", |scene| {
        scene.about(json!({"name": "m"}))
    }),
    step(
        "milestone.import",
        |scene| json!({"file": scene.parcel(), "root": scene.other.path("imported").to_str()}),
    ),
    step("trust.show", |scene| scene.about(json!({}))),
    step("trust.approve", |scene| {
        scene.about(json!({"digest": scene.last["trust.show"]["digest"]}))
    }),
    step("verify.suggest", |scene| scene.about(json!({}))),
    step("verify.run", |scene| scene.about(json!({"names": ["ok"]}))),
    step("verify.bisect", |scene| {
        scene.project.write("late", "it is late\n");
        scene.about(json!({"command": ["sh", "-c", "test ! -e late"], "good": 1}))
    }),
    step("verify.list", |scene| scene.about(json!({}))),
    refused("verify.cancel", "not_found", |scene| scene.about(json!({}))),
    step("events.subscribe", |scene| {
        scene.about(json!({"events": ["sync:state"]}))
    }),
    step(
        "events.unsubscribe",
        |scene| json!({"subscription": scene.last["events.subscribe"]["subscription"]}),
    ),
    step("daemon.status", |_| json!({})),
    step("daemon.logs", |_| json!({"lines": 3})),
    step("store.stats", |scene| scene.about(json!({}))),
    step("store.check", |_| json!({"read_data": true})),
    step("store.gc", |scene| scene.about(json!({}))),
    step("purge", |scene| {
        if scene.project.exists("g") {
            scene.project.remove("g");
        }
        scene.about(json!({"path": "g"}))
    }),
    step(
        "workspace.remove",
        |scene| json!({"workspace": scene.other.path("imported").to_str(), "purge": true}),
    ),
    step("audit.list", |_| json!({"limit": 3})),
    step("daemon.stop", |_| json!({})),
];

impl Scene {
    #[track_caller]
    pub(super) fn new() -> Self {
        let project = Workspace::new();
        project.add_fixture("//- /f\none\n//- /g\none\n//- /.afterimage.toml\n[[verify]]\nname = \"ok\"\nrun = [\"true\"]\non = [\"manual\"]\n");
        Self {
            daemon: TestDaemon::start(),
            project,
            other: Workspace::new(),
            last: BTreeMap::new(),
        }
    }

    #[track_caller]
    pub(super) fn root(&self) -> &str {
        self.project.root().to_str().expect("a root in UTF-8")
    }

    /// `{"workspace": …}` and more.
    #[track_caller]
    pub(super) fn about(&self, more: Value) -> Value {
        let mut params = more;
        params["workspace"] = json!(self.root());
        params
    }

    /// What a method answered last.
    pub(super) fn answer(&self, method: &str) -> Option<&Value> {
        self.last.get(method)
    }

    fn session(&self) -> &Value {
        &self.last["session.start"]["session"]
    }

    fn parcel(&self) -> String {
        let file = self.other.path("m.aftm");
        file.to_str().expect("a path in UTF-8").to_owned()
    }

    #[track_caller]
    pub(super) fn connect(&self, socket: Socket) -> Connection {
        match socket {
            Socket::Control => self.daemon.control(),
            _ => self.daemon.connect(socket),
        }
    }

    /// The parameters of a step as things stand. What a step writes into the project is written by that.
    pub(super) fn params(&self, step: &Step) -> Value {
        (step.params)(self)
    }

    /// Carries a step out.
    #[track_caller]
    pub(super) fn take(
        &mut self,
        connection: &mut Connection,
        step: &Step,
    ) -> Result<Value, Value> {
        let params = self.params(step);
        let answer = connection.call(step.method, &params);
        match (&answer, step.error) {
            (Ok(result), None) => {
                self.last.insert(step.method, result.clone());
            }
            (Err(error), Some(wanted)) if error["data"]["kind"] == wanted => {}
            _ => panic!("{} {params}: {answer:?}", step.method),
        }
        answer
    }
}

/// The methods of the document.
#[track_caller]
pub(super) fn methods(document: &Value) -> Vec<&Value> {
    let methods = document["methods"].as_array().expect("methods");
    methods.iter().collect()
}

#[test]
fn every_method_of_the_document_has_a_request_here() {
    let document = aft_rpc::openrpc::document("0");
    for method in methods(&document) {
        let name = method["name"].as_str().expect("a name");
        assert!(
            STEPS.iter().any(|step| step.method == name),
            "`{name}` has no request: add a step to tests/src/protocol/scene.rs"
        );
    }
    assert_eq!(STEPS.last().map(|step| step.method), Some("daemon.stop"));
}
