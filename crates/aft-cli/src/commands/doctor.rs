//! `aft doctor`: what is wrong and how to mend it. Looks only; starts and changes nothing.

#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::Path;

use aft_os::process::contained::{Missing, missing};
use aft_rpc::types::daemon::{DaemonStatusParams, DaemonStatusResult};
use aft_rpc::types::hello::Role;
use aft_rpc::types::workspace::{WorkspaceListParams, WorkspaceState};
use aft_rpc::{ExitKind, Paths};
use clap::Args;
use serde::Serialize;

use super::hook::trouble;
use crate::color::{Paint, Style};
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::render::text::{bytes, path, shown};

/// Fewer watches than this do not last for a large project.
const WATCHES_MIN: u64 = 65_536;
/// Less room than this is soon used up.
const FREE_MIN: u64 = 1 << 30;

/// Tell what is wrong and how to mend it
///
/// Looks at directories, sockets, key, configuration, kernel limits, the daemon and its workspaces.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  aft doctor\n\nExit codes: 0 nothing is wrong, 1 something is")]
pub(crate) struct DoctorArgs {}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Ok,
    Warning,
    Failure,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Finding {
    check: &'static str,
    state: State,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self {
            check,
            state: State::Ok,
            message: message.into(),
            remedy: None,
        }
    }

    fn warning(check: &'static str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            check,
            state: State::Warning,
            message: message.into(),
            remedy: Some(remedy.into()),
        }
    }

    fn failure(check: &'static str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            check,
            state: State::Failure,
            message: message.into(),
            remedy: Some(remedy.into()),
        }
    }
}

#[derive(Serialize)]
struct Report {
    ok: bool,
    checks: Vec<Finding>,
}

pub(crate) fn run(_: &DoctorArgs, context: &mut Context) -> Outcome {
    context.never_start();
    let paths = context.paths.clone();
    let mut checks = vec![
        directory("store", &paths.home),
        directory("sockets", &paths.runtime_dir),
        socket_path(&paths),
        key(&paths),
        configuration(&paths.config),
        room(&paths.home),
        watches(Path::new("/proc/sys/fs/inotify/max_user_watches")),
        limits(&missing()),
    ];
    checks.extend(hooks(&paths));
    checks.extend(daemon(context));
    let ok = checks.iter().all(|finding| finding.state != State::Failure);
    if context.json {
        context.print_json(&Report { ok, checks })?;
    } else {
        let text = render(&checks, context.out.style());
        context.print(&text)?;
    }
    Ok(if ok { ExitKind::Done } else { ExitKind::Failed })
}

fn render(checks: &[Finding], style: Style) -> String {
    checks
        .iter()
        .map(|finding| {
            let mark = match finding.state {
                State::Ok => style.paint(Paint::Green, "ok  "),
                State::Warning => style.paint(Paint::Yellow, "warn"),
                State::Failure => style.paint(Paint::Red, "FAIL"),
            };
            let remedy = finding
                .remedy
                .as_ref()
                .map(|remedy| format!("      {}\n", shown(remedy)))
                .unwrap_or_default();
            format!(
                "{mark}  {}: {}\n{remedy}",
                finding.check,
                shown(&finding.message)
            )
        })
        .collect()
}

/// What a check (`aft verify`) is not kept from here.
fn limits(missing: &[Missing]) -> Finding {
    let check = "limits of checks";
    if missing.is_empty() {
        let message = "a check writes in its copy only, signals nobody and opens no Unix sockets";
        return Finding::ok(check, message);
    }
    let missing: Vec<&str> = missing.iter().map(|limit| limit.as_str()).collect();
    let message = format!("a check {}", missing.join("; it "));
    let remedy = "run only checks that you would run by hand, or use a newer kernel";
    Finding::warning(check, message, remedy)
}

fn directory(check: &'static str, dir: &Path) -> Finding {
    match aft_os::home::check_private(dir) {
        Ok(()) => Finding::ok(check, dir.display().to_string()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Finding::ok(check, format!("{}, not made yet", dir.display()))
        }
        Err(error) => Finding::failure(
            check,
            error.to_string(),
            format!(
                "It must be a directory of your own with mode 0700: chmod 700 '{}'",
                dir.display()
            ),
        ),
    }
}

fn socket_path(paths: &Paths) -> Finding {
    match paths.socket(Role::Control) {
        Ok(socket) => Finding::ok("socket path", socket.display().to_string()),
        Err(error) => Finding::failure(
            "socket path",
            error.to_string(),
            "Set AFT_RUNTIME_DIR to a shorter directory of your own.",
        ),
    }
}

fn key(paths: &Paths) -> Finding {
    let path = paths.control_key();
    match File::options().read(true).write(true).open(&path) {
        Ok(_) => Finding::ok("control key", path.display().to_string()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Finding::ok("control key", "not made yet")
        }
        Err(error) => Finding::failure(
            "control key",
            format!("`{}` cannot be opened: {error}", path.display()),
            "Run `aft` as the user who runs the daemon and outside any sandbox.",
        ),
    }
}

fn configuration(file: &Path) -> Finding {
    let read = aft_daemon::config::read_user(file).and_then(|source| {
        aft_daemon::config::Config::from_sources(source.as_ref(), None).map(|_| source.is_some())
    });
    match read {
        Ok(true) => Finding::ok("configuration", file.display().to_string()),
        Ok(false) => Finding::ok(
            "configuration",
            format!("{} is missing, so that defaults hold", file.display()),
        ),
        Err(error) => Finding::failure(
            "configuration",
            error.to_string(),
            format!("Mend `{}`.", file.display()),
        ),
    }
}

/// Free space where the store is, or will be.
fn room(home: &Path) -> Finding {
    let there = home
        .ancestors()
        .find(|dir| dir.is_dir())
        .unwrap_or(Path::new("/"));
    match rustix::fs::statvfs(there) {
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            let message = format!("{} free for the store", bytes(free));
            if free < FREE_MIN {
                Finding::warning(
                    "room",
                    message,
                    "Capture stops when the disk is full; free some, or set AFT_HOME to a larger file system.",
                )
            } else {
                Finding::ok("room", message)
            }
        }
        Err(error) => Finding::warning(
            "room",
            format!("free space cannot be told: {error}"),
            "Check the file system of the store.",
        ),
    }
}

fn watches(limit_file: &Path) -> Finding {
    let limit = std::fs::read_to_string(limit_file)
        .ok()
        .and_then(|text| text.trim().parse::<u64>().ok());
    match limit {
        Some(limit) if limit < WATCHES_MIN => Finding::warning(
            "watches",
            format!("the kernel allows {limit} watches; what is beyond is polled"),
            "sudo sysctl fs.inotify.max_user_watches=1048576 (and in /etc/sysctl.d to keep it)",
        ),
        Some(limit) => Finding::ok("watches", format!("the kernel allows {limit}")),
        None => Finding::warning(
            "watches",
            format!("`{}` cannot be read", limit_file.display()),
            "Without inotify everything is polled.",
        ),
    }
}

/// What went wrong in agents' hooks, which the agents were not bothered with.
fn hooks(paths: &Paths) -> Option<Finding> {
    let recent = trouble::recent(paths)?;
    let times = if recent.count == 1 { "time" } else { "times" };
    Some(Finding::warning(
        "hooks",
        format!(
            "{} {times} in the last day an agent's hook could not do its work; the last: {}",
            recent.count, recent.last
        ),
        format!(
            "`{}` has them all; what an agent did then is in the history without its name.",
            trouble::log_file(paths).display()
        ),
    ))
}

/// The daemon and how its workspaces are.
fn daemon(context: &mut Context) -> Vec<Finding> {
    let status = match context.call(&DaemonStatusParams {}) {
        Ok(status) => status,
        Err(failure) => return vec![unreachable(&failure)],
    };
    let mut findings = vec![version(&status)];
    if let Ok(list) = context.call(&WorkspaceListParams {}) {
        for workspace in list.workspaces {
            let message = format!("{} is {}", path(&workspace.root), workspace.state.as_str());
            findings.push(match workspace.state {
                WorkspaceState::Armed | WorkspaceState::Arming => Finding::ok("workspace", message),
                WorkspaceState::Degraded => {
                    Finding::warning("workspace", message, "`aft status` there tells why.")
                }
                WorkspaceState::Detached => Finding::warning(
                    "workspace",
                    message,
                    "`aft watch NEW` takes a moved project over; `aft unwatch` forgets it.",
                ),
            });
        }
    }
    findings
}

fn unreachable(failure: &Failure) -> Finding {
    if failure.exit() == ExitKind::NoDaemon {
        return Finding::ok(
            "daemon",
            "none runs; the next command that needs one starts it",
        );
    }
    let text = failure.text();
    Finding::failure(
        "daemon",
        text.trim_start_matches("aft: ").trim_end(),
        "`aft daemon logs` may tell more.",
    )
}

fn version(status: &DaemonStatusResult) -> Finding {
    let own = env!("CARGO_PKG_VERSION");
    if status.version == own {
        return Finding::ok("daemon", format!("process {}, version {own}", status.pid));
    }
    Finding::warning(
        "daemon",
        format!(
            "process {} has version {}, this command {own}",
            status.pid, status.version
        ),
        "It makes room by itself when nothing is under way; `aft daemon stop` does it now.",
    )
}
