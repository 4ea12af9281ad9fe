//! What every command needs: the global options, where things are, the connection, the output.

use std::io::Write;
use std::path::Path;

use aft_rpc::client::Client;
use aft_rpc::methods::Call;
use aft_rpc::{ExitKind, Paths, WirePath, WirePoint};
use serde_json::value::RawValue;

use crate::args::Global;
use crate::connection::{Connection, Start};
use crate::failure::Failure;
use crate::output::Output;
use crate::place::Place;
use crate::progress::Accompanied;

/// Methods that wait while the first scan is under way.
const WAITS_FOR_ARMING: &[&str] = &[
    "sync",
    "checkpoint.create",
    "milestone.create",
    "undo",
    "redo",
    "rollback.plan",
    "rollback.apply",
    "rollback.resume",
    "rollback.revert",
    "diff",
    "history.list",
    "turn.start",
    "turn.end",
    "verify.run",
];

/// Methods that may take long, and what they do meanwhile.
const TAKES_LONG: &[(&str, &str)] = &[
    ("milestone.export", "writing the milestone"),
    ("milestone.import", "checking the file and restoring it"),
    ("milestone.verify", "reading every byte back"),
    ("store.gc", "collecting what nothing needs"),
    ("store.check", "checking the store"),
    ("purge", "removing it from all history"),
];

/// One command's surroundings.
pub(crate) struct Context {
    pub(crate) json: bool,
    pub(crate) paths: Paths,
    pub(crate) out: Output,
    pub(crate) place: Place,
    connection: Connection,
    /// Where the exit code is not ours.
    exit: Option<u8>,
}

impl Context {
    /// From the options and this process's environment.
    pub(crate) fn from_env(global: Global) -> Result<Self, Failure> {
        let out = Output::stdout(global.color);
        Ok(Self::new(
            global.json,
            Paths::from_env()?,
            out,
            Place::new(global.workspace),
        ))
    }

    pub(crate) fn new(json: bool, paths: Paths, out: Output, place: Place) -> Self {
        let connection = Connection::new(paths.clone(), Start::IfMissing);
        Self {
            json,
            paths,
            out,
            place,
            connection,
            exit: None,
        }
    }

    /// The exit code is that of a command which was run.
    pub(crate) fn exit_with(&mut self, code: u8) {
        self.exit = Some(code);
    }

    /// The exit code of a command that came to this end.
    pub(crate) fn exit_code(&self, exit: ExitKind) -> u8 {
        self.exit.unwrap_or_else(|| exit.code())
    }

    /// From now on a daemon that is not there is an error and not started.
    pub(crate) fn never_start(&mut self) {
        self.connection.set_start(Start::Never);
    }

    /// The workspace the command is about: the one that holds `-w` or the current directory. The daemon
    /// finds out which one that is, so that it costs no round trip.
    pub(crate) fn workspace(&mut self) -> Result<WirePath, Failure> {
        Ok(WirePath::from(self.place.workspace()?))
    }

    /// A path of the command line, absolute.
    pub(crate) fn path(&mut self, path: &Path) -> Result<WirePath, Failure> {
        Ok(WirePath::from(self.place.path(path)?.as_path()))
    }

    /// Paths of the command line, absolute; `None` for none.
    pub(crate) fn some_paths(
        &mut self,
        paths: &[std::path::PathBuf],
    ) -> Result<Option<Vec<WirePath>>, Failure> {
        if paths.is_empty() {
            return Ok(None);
        }
        paths
            .iter()
            .map(|path| self.path(path))
            .collect::<Result<Vec<_>, _>>()
            .map(Some)
    }

    /// Calls a method.
    pub(crate) fn call<P: Call>(&mut self, params: &P) -> Result<P::Result, Failure> {
        read(&self.call_raw(params)?)
    }

    /// Calls a method and keeps its result as the daemon wrote it.
    pub(crate) fn call_raw<P: Call>(&mut self, params: &P) -> Result<Box<RawValue>, Failure> {
        let _progress = match (
            self.place.known_workspace(),
            WAITS_FOR_ARMING.contains(&P::METHOD),
        ) {
            (Some(workspace), true) => Accompanied::start(&self.paths, &WirePath::from(workspace)),
            _ => self.tell_of_long(P::METHOD),
        };
        self.connection.call_raw(P::METHOD, params)
    }

    /// Says what is under way while one waits long, to people only.
    fn tell_of_long(&self, method: &str) -> Option<Accompanied> {
        let long = TAKES_LONG.iter().find(|(name, _)| *name == method);
        let (_, what) = long.filter(|_| !self.json)?;
        Accompanied::tell(what)
    }

    /// The connection itself, for what is not a single call.
    pub(crate) fn client(&mut self) -> Result<&mut Client, Failure> {
        self.connection.client()
    }

    /// Drops the connection; the next call makes another.
    pub(crate) fn disconnect(&mut self) {
        self.connection.drop_client();
    }

    /// Calls a method; with `--json` prints the result unchanged and returns `None`.
    pub(crate) fn call_or_print<P: Call>(
        &mut self,
        params: &P,
    ) -> Result<Option<P::Result>, Failure> {
        let raw = self.call_raw(params)?;
        if self.json {
            self.print_raw(&raw)?;
            return Ok(None);
        }
        read(&raw).map(Some)
    }

    /// Prints a result unchanged, as one line.
    pub(crate) fn print_raw(&mut self, raw: &RawValue) -> Result<(), Failure> {
        writeln!(self.out, "{}", raw.get())?;
        Ok(())
    }

    /// Prints a result that was put together of several pages.
    pub(crate) fn print_json<R: serde::Serialize>(&mut self, result: &R) -> Result<(), Failure> {
        serde_json::to_writer(&mut self.out, result).map_err(std::io::Error::from)?;
        writeln!(self.out)?;
        Ok(())
    }

    /// Prints text.
    pub(crate) fn print(&mut self, text: &str) -> Result<(), Failure> {
        self.out.write_all(text.as_bytes())?;
        Ok(())
    }

    /// Says something that is no result, on standard error.
    pub(crate) fn note(&self, text: &str) {
        // A note that cannot be told is no reason to fail.
        let _told = writeln!(
            std::io::stderr().lock(),
            "{}",
            crate::render::text::shown(text)
        );
    }
}

/// A point as it is sent; `#142` is how this program writes an operation.
pub(crate) fn point(text: &str) -> WirePoint {
    WirePoint::from(text.strip_prefix('#').unwrap_or(text))
}

/// Reads a result.
pub(crate) fn read<R: serde::de::DeserializeOwned>(raw: &RawValue) -> Result<R, Failure> {
    serde_json::from_str(raw.get()).map_err(|error| {
        aft_rpc::client::ClientError::Protocol(format!("its result: {error}")).into()
    })
}
