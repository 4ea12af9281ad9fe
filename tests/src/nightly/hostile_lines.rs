//! Lines that no honest client sends: bytes without sense, requests with parts broken, and requests after the
//! daemon's own document of its methods with values that do not belong there.
//!
//! Does: make them from a seed. Does not: name a directory outside the test's project, or ask the daemon to end.

use aft_testkit::sim::Rng;
use serde_json::{Map, Value, json};

/// Methods that would end the test instead of trying it.
const LEFT_OUT: [&str; 3] = ["daemon.stop", "workspace.remove", "workspace.add"];

const PATHS: [&str; 7] = [
    "a",
    "src/f1",
    "src",
    "",
    "../..",
    "/etc/passwd",
    ".git/HEAD",
];
const POINTS: [&str; 9] = [
    "@", "@-1", "@-3", "1", "9999999", "good", "10m", "nobody", "turn:-1",
];

/// A source of lines.
pub(super) struct Lines {
    rng: Rng,
    methods: Vec<(String, Vec<String>)>,
    workspace: String,
    n: u64,
    /// Nothing broken and no value that does not belong there: the same requests from somebody who means well.
    sensible: bool,
}

impl Lines {
    /// After the document that `rpc.discover` answers.
    pub(super) fn new(document: &Value, workspace: &str, rng: Rng) -> Self {
        let listed = document["methods"].as_array().expect("methods");
        let methods = listed.iter().filter_map(|method| {
            let name = method["name"].as_str()?.to_owned();
            let params = method["params"].as_array()?;
            let params = params.iter().filter_map(|param| param["name"].as_str());
            let params: Vec<String> = params.map(str::to_owned).collect();
            (!LEFT_OUT.contains(&name.as_str())).then_some((name, params))
        });
        let methods: Vec<_> = methods.collect();
        assert!(methods.len() > 20, "too few methods to try: {methods:?}");
        Self {
            rng,
            methods,
            workspace: workspace.to_owned(),
            n: 0,
            sensible: false,
        }
    }

    /// The same requests, with sense.
    pub(super) fn with_sense(mut self) -> Self {
        self.sensible = true;
        self
    }

    /// The next line, its newline included.
    pub(super) fn line(&mut self) -> Vec<u8> {
        self.n += 1;
        let mut line = match self.rng.index(12) {
            _ if self.sensible => self.request().to_string().into_bytes(),
            0 => {
                let len = self.rng.index(400);
                self.rng.bytes(len)
            }
            1..=3 => self.broken(),
            4 => {
                let n = self.rng.index(6);
                let batch: Vec<Value> = (0..n).map(|_| self.request()).collect();
                json!(batch).to_string().into_bytes()
            }
            _ => self.request().to_string().into_bytes(),
        };
        line.retain(|byte| *byte != b'\n');
        line.push(b'\n');
        line
    }

    /// A request with some bytes changed, left out or twice.
    fn broken(&mut self) -> Vec<u8> {
        let mut line = self.request().to_string().into_bytes();
        for _ in 0..1 + self.rng.index(4) {
            let at = self.rng.index(line.len());
            match self.rng.index(4) {
                0 => line.truncate(at),
                1 => line[at] ^= 1 << self.rng.index(8),
                2 => {
                    let piece = line[at..].to_vec();
                    line.extend(piece);
                }
                _ => {
                    line.remove(at);
                }
            }
            if line.is_empty() {
                break;
            }
        }
        // A path that a broken byte made could be anybody's.
        let text = String::from_utf8_lossy(&line);
        if LEFT_OUT.iter().any(|method| text.contains(method)) {
            return b"{}".to_vec();
        }
        line
    }

    fn request(&mut self) -> Value {
        let at = self.rng.index(self.methods.len());
        let (method, names) = self.methods[at].clone();
        let mut params = Map::new();
        for name in names {
            if name == "workspace" || self.rng.chance(500) {
                let value = self.value(&name);
                params.insert(name, value);
            }
        }
        if !self.sensible && self.rng.chance(30) {
            let value = self.anything(0);
            params.insert("nobody".to_owned(), value);
        }
        let mut request =
            json!({"jsonrpc": "2.0", "id": self.n, "method": method, "params": params});
        match self.rng.index(30) {
            _ if self.sensible => {}
            0 => request["id"] = self.anything(0),
            1 => request["jsonrpc"] = self.anything(0),
            2 => request["params"] = self.anything(0),
            3 => request["method"] = self.anything(0),
            4 => drop(request.as_object_mut().map(|request| request.remove("id"))),
            _ => {}
        }
        request
    }

    fn value(&mut self, name: &str) -> Value {
        if !self.sensible && self.rng.chance(150) {
            return match name {
                // Waiting is no attack, and would make the test long.
                "wait_ms" => json!(self.rng.below(3)),
                _ => self.anything(0),
            };
        }
        let n = self.rng.below(40);
        match name {
            "workspace" => json!(self.workspace),
            "path" | "prefix" => json!(PATHS[n as usize % PATHS.len()]),
            "paths" => json!([PATHS[n as usize % PATHS.len()], "src/f2"]),
            "point" | "at" | "from" | "to" | "since" | "until" => {
                json!(POINTS[n as usize % POINTS.len()])
            }
            "wait_ms" => json!(n % 3),
            "limit" | "count" | "length" | "offset" | "operation" => json!(n),
            "dry_run" | "durable" | "strict" | "force" | "restore" => json!(n.is_multiple_of(2)),
            "name" | "label" | "agent" | "message" | "client" => json!(format!("n{n}")),
            _ => self.anything(0),
        }
    }

    fn anything(&mut self, depth: usize) -> Value {
        match self.rng.index(if depth > 8 { 14 } else { 18 }) {
            0 => Value::Null,
            1 => json!(true),
            2 => json!(-1),
            3 => json!(u64::MAX),
            4 => json!(i64::MIN),
            5 => json!(1e308),
            6 => json!(""),
            7 => json!("\u{0}\u{7f}\u{202e}"),
            8 => json!("@-99999999999999999999"),
            9 => json!({"base64": "////"}),
            10 => json!({"base64": "no base"}),
            11 => json!("x".repeat(self.rng.index(3000))),
            12 => json!(self.rng.next_u64()),
            13 => json!(format!("{}/..", self.workspace)),
            14 | 15 => {
                let n = self.rng.index(5);
                (0..n).map(|_| self.anything(depth + 1)).collect()
            }
            16 => {
                let deep = self.rng.index(70);
                (0..deep).fold(Value::Null, |inner, _| json!([inner]))
            }
            _ => json!({"a": self.anything(depth + 1), "b": self.anything(depth + 1)}),
        }
    }
}
