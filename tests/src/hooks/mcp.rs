//! `aft mcp` as a client sees it: lines of JSON in, lines of JSON out, in either form of the protocol.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde_json::{Value, json};

use super::rig::Rig;

struct Client {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    next: i64,
    meta: Option<Value>,
}

impl Client {
    fn start(rig: &Rig) -> Self {
        let mut child = rig
            .daemon
            .command(&["mcp"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("aft mcp runs");
        Self {
            input: child.stdin.take(),
            output: BufReader::new(child.stdout.take().expect("standard output")),
            child,
            next: 1,
            meta: None,
        }
    }

    /// A client of 2025-11-25, which greets.
    fn greeting(rig: &Rig) -> Self {
        let mut client = Self::start(rig);
        let hello = client.call(
            "initialize",
            json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } }),
        );
        assert_eq!(hello["result"]["protocolVersion"], "2025-11-25", "{hello}");
        assert_eq!(hello["result"]["serverInfo"]["name"], "afterimage");
        client.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        client
    }

    /// A client of 2026-07-28, which says everything in every request.
    fn stateless(rig: &Rig) -> Self {
        let mut client = Self::start(rig);
        client.meta = Some(json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": { "name": "t", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": {},
        }));
        client
    }

    fn send(&mut self, message: &Value) {
        writeln!(self.input.as_mut().expect("open"), "{message}").expect("it reads");
    }

    #[track_caller]
    fn call(&mut self, method: &str, mut params: Value) -> Value {
        if let Some(meta) = &self.meta {
            params["_meta"] = meta.clone();
        }
        let id = self.next;
        self.next += 1;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        loop {
            let mut line = String::new();
            let n_read = self.output.read_line(&mut line).expect("a line");
            assert!(n_read > 0, "it ended");
            let answer: Value = serde_json::from_str(&line).expect("JSON");
            if answer["id"] == id {
                return answer;
            }
        }
    }

    /// Calls a tool that must succeed; its structured content.
    #[track_caller]
    fn tool(&mut self, name: &str, arguments: Value) -> Value {
        let answer = self.call(
            "tools/call",
            json!({ "name": name, "arguments": arguments }),
        );
        assert_ne!(answer["result"]["isError"], true, "{name}: {answer}");
        answer["result"]["structuredContent"].clone()
    }

    #[track_caller]
    fn refused(&mut self, name: &str, arguments: Value) -> String {
        let answer = self.call(
            "tools/call",
            json!({ "name": name, "arguments": arguments }),
        );
        assert_eq!(answer["result"]["isError"], true, "{name}: {answer}");
        answer["result"]["content"][0]["text"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Ends as a client does: by closing its end.
    #[track_caller]
    fn end(mut self) {
        drop(self.input.take());
        let status = self.child.wait().expect("it ends");
        assert!(status.success(), "{status}");
    }
}

/// Everything an agent would do, in either form of the protocol.
fn work(rig: &Rig, client: &mut Client) {
    let root = rig.root();
    let status = client.tool("status", json!({ "workspace": root }));
    assert_eq!(status["state"], "armed");
    let head = status["head"].as_u64().unwrap();

    let session = client.tool(
        "session_start",
        json!({ "workspace": root, "agent": "mcp-test" }),
    );
    let session = session["session"].as_str().unwrap().to_owned();
    client.tool(
        "turn_start",
        json!({ "workspace": root, "session": session }),
    );
    client.tool(
        "checkpoint",
        json!({ "workspace": root, "name": format!("before-{head}") }),
    );
    rig.project.write("src/greet.py", "good day\n");
    let diff = client.tool(
        "diff",
        json!({ "workspace": root, "from": format!("before-{head}") }),
    );
    assert_eq!(
        diff["files"][0]["path"], "src/greet.py",
        "what was just written is there"
    );
    let ended = client.tool("turn_end", json!({ "workspace": root, "session": session }));
    assert_eq!(ended["operations"].as_array().unwrap().len(), 1, "{ended}");
    let log = client.tool("log", json!({ "workspace": root, "session": session }));
    assert_eq!(log["operations"][0]["author"], "agent:mcp-test");
    let asked = json!({ "workspace": root, "path": "src/greet.py" });
    let blamed = client.tool("blame", asked);
    assert_eq!(blamed["ranges"][0]["author"], "agent:mcp-test", "{blamed}");
    // A call that names no session knows none: of its own it sees the beginning, as of any other.
    assert_eq!(blamed["ranges"][0]["session"], session[..8]);

    let to = format!("before-{head}");
    let plan = client.tool("rollback_plan", json!({ "workspace": root, "to": to }));
    assert_eq!(plan["n_steps"], 1, "{plan}");
    let wrong = json!({ "workspace": root, "to": to, "plan": "0".repeat(64) });
    assert!(client.refused("rollback_apply", wrong).contains("conflict"));
    assert_eq!(rig.project.text("src/greet.py"), "good day\n");
    let apply = json!({ "workspace": root, "to": to, "plan": plan["plan"] });
    let done = client.tool("rollback_apply", apply);
    assert_eq!(done["kind"], "rollback");
    assert_eq!(rig.project.text("src/greet.py"), "hello\n");
    client.tool("undo", json!({ "workspace": root }));
    assert_eq!(rig.project.text("src/greet.py"), "good day\n");
    let restored = json!({ "workspace": root, "paths": ["src/greet.py"], "at": to });
    client.tool("restore", restored);
    assert_eq!(rig.project.text("src/greet.py"), "hello\n");
    client.tool(
        "session_end",
        json!({ "workspace": root, "session": session }),
    );
}

#[test]
fn an_agent_works_in_the_protocol_of_2025() {
    let rig = Rig::watching();
    let mut client = Client::greeting(&rig);
    work(&rig, &mut client);
    client.end();
}

#[test]
fn an_agent_works_in_the_stateless_protocol_of_2026() {
    let rig = Rig::watching();
    let mut client = Client::stateless(&rig);
    let found = client.call("server/discover", json!({}));
    let versions = found["result"]["supportedVersions"].as_array().unwrap();
    for version in ["2026-07-28", "2025-11-25"] {
        assert!(versions.contains(&json!(version)), "{found}");
    }
    work(&rig, &mut client);
    client.end();
}

#[test]
fn a_plan_needs_nothing_of_the_process_that_showed_it() {
    let rig = Rig::watching();
    let root = rig.root();
    rig.project.write("src/greet.py", "good day\n");
    let mut first = Client::stateless(&rig);
    let plan = first.tool("rollback_plan", json!({ "workspace": root, "to": 1 }));
    first.end();
    let mut second = Client::stateless(&rig);
    let apply = json!({ "workspace": root, "to": 1, "plan": plan["plan"] });
    second.tool("rollback_apply", apply);
    assert_eq!(rig.project.text("src/greet.py"), "hello\n");
    second.end();
}

#[test]
fn what_a_tool_says_of_itself_is_what_it_does() {
    let rig = Rig::watching();
    let mut client = Client::greeting(&rig);
    let list = client.call("tools/list", json!({}));
    let tools = list["result"]["tools"].as_array().unwrap();
    let hint = |name: &str, hint: &str| {
        let tool = tools.iter().find(|tool| tool["name"] == name).unwrap();
        assert_eq!(tool["outputSchema"]["type"], "object", "{name}");
        tool["annotations"][hint].as_bool().unwrap()
    };
    for name in ["status", "log", "diff", "show", "cat", "rollback_plan"] {
        assert!(
            hint(name, "readOnlyHint") && hint(name, "idempotentHint"),
            "{name}"
        );
        assert!(!hint(name, "destructiveHint"), "{name}");
    }
    for name in ["undo", "rollback_apply", "restore"] {
        assert!(
            hint(name, "destructiveHint") && !hint(name, "readOnlyHint"),
            "{name}"
        );
    }
    assert!(!hint("checkpoint", "destructiveHint"));
    let size = list.to_string().len();
    assert!(size < 64 * 1024, "{size} bytes of tools are a lot to read");
    client.end();
}

#[test]
fn diffs_and_files_at_a_point_are_resources() {
    let rig = Rig::watching();
    let root = rig.root().replace('/', "%2F");
    rig.project.write("src/greet.py", "good day\n");
    rig.project.write("logo.bin", [0xff, 0, 1]);
    let mut client = Client::greeting(&rig);
    client.tool("log", json!({ "workspace": rig.root() }));
    let mut text = |uri: String| {
        let read = client.call("resources/read", json!({ "uri": uri }));
        read["result"]["contents"][0].clone()
    };
    let then = text(format!("afterimage://file/{root}/1/src/greet.py"));
    assert_eq!(then["text"], "hello\n", "{then}");
    let now = text(format!("afterimage://file/{root}/@/src/greet.py"));
    assert_eq!(now["text"], "good day\n", "{now}");
    let binary = text(format!("afterimage://file/{root}/@/logo.bin"));
    assert_eq!(binary["blob"], "/wAB", "{binary}");
    let diff = text(format!("afterimage://diff/{root}/1/@"));
    assert!(
        diff["text"].as_str().unwrap().contains("+good day"),
        "{diff}"
    );
    let list = client.call("resources/list", json!({}));
    let uri = list["result"]["resources"][0]["uri"]
        .as_str()
        .unwrap()
        .to_owned();
    let newest = client.call("resources/read", json!({ "uri": uri }));
    assert!(
        newest["result"]["contents"][0]["text"].is_string(),
        "{newest}"
    );
    let none = client.call(
        "resources/read",
        json!({ "uri": "afterimage://file/x/1/y" }),
    );
    assert!(none["error"]["message"].is_string(), "{none}");
    client.end();
}

#[test]
fn what_is_refused_says_why_and_what_to_do() {
    let rig = Rig::watching();
    let mut client = Client::greeting(&rig);
    let nowhere = client.refused("status", json!({ "workspace": "/nowhere" }));
    assert!(
        nowhere.contains("not_found") && nowhere.contains("aft watch"),
        "{nowhere}"
    );
    let nothing = client.refused("undo", json!({ "workspace": rig.root() }));
    assert!(nothing.contains("not_found"), "{nothing}");
    let unknown = client.call("tools/call", json!({ "name": "rm", "arguments": {} }));
    assert!(unknown["error"].is_object(), "{unknown}");
    client.end();
}

#[test]
fn one_hunk_of_an_operation_is_listed_and_taken_back_by_its_name() {
    let rig = Rig::watching();
    let lines = |first: &str, last: &str| format!("{first}\n{}{last}\n", "same\n".repeat(20));
    rig.project.write("f", lines("a", "z"));
    let mut client = Client::stateless(&rig);
    let root = rig.root();
    let before = client.tool("status", json!({ "workspace": root }))["head"].clone();
    rig.project.write("f", lines("A", "Z"));
    let shown = client.tool(
        "show",
        json!({ "workspace": root, "operation": "@", "hunks": true }),
    );
    let hunks = shown["operation"]["changes"][0]["hunks"].clone();
    assert_eq!(hunks.as_array().map(Vec::len), Some(2), "{shown}");
    let operation = shown["operation"]["operation"].clone();
    let listed = client.call(
        "tools/call",
        json!({ "name": "show", "arguments": { "workspace": root, "operation": "@", "hunks": true } }),
    );
    let text = listed["result"]["content"][0]["text"].to_string();
    let first = hunks[0]["hunk"].as_str().unwrap();
    assert!(text.contains(first), "{text}");
    client.tool(
        "undo",
        json!({ "workspace": root, "operation": operation.to_string(), "hunks": [first] }),
    );
    assert_eq!(rig.project.text("f"), lines("a", "Z"));

    // The other one by what changed since.
    let differs = client.tool(
        "diff",
        json!({ "workspace": root, "from": before.to_string(), "hunks": true }),
    );
    let changed = differs["files"].as_array().unwrap();
    let of_f = changed.iter().find(|file| file["path"] == "f").unwrap();
    let last = of_f["hunks"][0]["hunk"].as_str().unwrap();
    let wish = json!({ "workspace": root, "to": before.to_string(), "hunks": [last] });
    let plan = client.tool("rollback_plan", wish.clone());
    let mut apply = wish;
    apply["plan"] = plan["plan"].clone();
    client.tool("rollback_apply", apply);
    assert_eq!(rig.project.text("f"), lines("a", "z"));
    let unknown =
        json!({ "workspace": root, "operation": operation.to_string(), "hunks": ["nothing"] });
    let refused = client.refused("undo", unknown);
    assert!(refused.contains("no hunk"), "{refused}");

    // What clashes is shown to the model.
    rig.project.write("f", lines("one", "z"));
    let clashing = client.tool("log", json!({ "workspace": root, "limit": 1 }));
    let clashing = clashing["operations"][0]["operation"].to_string();
    rig.project.write("f", lines("two", "z"));
    let refused = client.refused("undo", json!({ "workspace": root, "operation": clashing }));
    assert!(
        refused.contains("one") && refused.contains("two"),
        "{refused}"
    );
    client.end();
}
