//! A daemon of a few lines on a real socket, for tests of what a command asks and what it makes of the answers.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex};

use aft_rpc::message::{Incoming, parse_incoming, to_line};
use aft_rpc::types::hello::Role;
use aft_rpc::{Notification, Paths, Response, RpcError};
use clap::Parser;
use serde_json::{Value, json};

use crate::args::Cli;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Output;
use crate::place::Place;

type Answers = dyn FnMut(&str, &Value) -> Result<Value, RpcError> + Send;

/// Answers every connection until it is dropped.
pub(crate) struct FakeDaemon {
    dir: tempfile::TempDir,
    calls: Arc<Mutex<Vec<(String, Value)>>>,
}

/// What a command printed and how it ended.
pub(crate) struct Ran {
    pub(crate) out: String,
    pub(crate) exit: u8,
    pub(crate) failure: Option<Failure>,
}

impl FakeDaemon {
    /// Answers `hello` by itself and every other method by `answers`.
    pub(crate) fn start(
        answers: impl FnMut(&str, &Value) -> Result<Value, RpcError> + Send + 'static,
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let daemon = Self {
            dir,
            calls: Arc::default(),
        };
        File::create(daemon.paths().control_key()).unwrap();
        let listener = UnixListener::bind(daemon.paths().socket(Role::Control).unwrap()).unwrap();
        let answers: Arc<Mutex<Answers>> = Arc::new(Mutex::new(answers));
        let calls = Arc::clone(&daemon.calls);
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (answers, calls) = (Arc::clone(&answers), Arc::clone(&calls));
                std::thread::spawn(move || serve(stream.unwrap(), &answers, &calls));
            }
        });
        daemon
    }

    /// The same answer to everything.
    pub(crate) fn always(answer: Value) -> Self {
        Self::start(move |_, _| Ok(answer.clone()))
    }

    pub(crate) fn paths(&self) -> Paths {
        let dir = self.dir.path().to_owned();
        Paths {
            home: dir.clone(),
            runtime_dir: dir.clone(),
            config: dir.join("config.toml"),
        }
    }

    /// Runs a command line in `/w`.
    pub(crate) fn run(&self, line: &str) -> Ran {
        run_at(&self.paths(), line)
    }

    /// What was asked, `hello` left out.
    pub(crate) fn calls(&self) -> Vec<(String, Value)> {
        self.calls.lock().unwrap().clone()
    }
}

/// Runs a command line in `/w` with these places.
pub(crate) fn run_at(paths: &Paths, line: &str) -> Ran {
    let cli = Cli::try_parse_from(line.split(' ')).unwrap();
    let place = Place::at(std::path::Path::new("/w"), cli.global.workspace);
    let mut context = Context::new(cli.global.json, paths.clone(), Output::captured(), place);
    // A test binary that is started as a daemon would run its tests again.
    context.never_start();
    let result = crate::commands::run(cli.command, &mut context);
    let exit = result
        .as_ref()
        .map_or_else(|failure| failure.exit(), |exit| *exit)
        .code();
    Ran {
        out: context.out.text(),
        exit,
        failure: result.err(),
    }
}

fn serve(stream: UnixStream, answers: &Mutex<Answers>, calls: &Mutex<Vec<(String, Value)>>) {
    let mut writer = stream.try_clone().unwrap();
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        let Incoming::Single(Ok(request)) = parse_incoming(line.as_bytes()) else {
            panic!("not a request: {line}")
        };
        let params: Value = request.params().unwrap();
        let result = if request.method == "hello" {
            Ok(
                json!({ "version": "1", "protocol": 1, "instance": "i", "role": "control", "capabilities": [] }),
            )
        } else {
            calls
                .lock()
                .unwrap()
                .push((request.method.clone(), params.clone()));
            answers.lock().unwrap()(&request.method, &params)
        };
        let id = request.id.unwrap();
        let mut result = result;
        // A test's answer may name events that go out in front of it.
        let events = result
            .as_mut()
            .ok()
            .and_then(|result| result.as_object_mut()?.remove("events first"));
        for event in events
            .as_ref()
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            writer
                .write_all(&to_line(&Notification::event(event).unwrap()))
                .unwrap();
        }
        let response = match result {
            Ok(result) => Response::ok(id, &result),
            Err(error) => Response::err(id, error),
        };
        if writer.write_all(&response.to_line()).is_err() {
            return;
        }
    }
}
