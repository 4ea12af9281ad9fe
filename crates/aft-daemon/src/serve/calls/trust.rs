//! `trust.*`: what checks would run, and the user's word that they may. Served on `control.sock` only, where a secret in
//! a file is no secret.
//!
//! Does not: decide what has to be approved; `verify::trust` does.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use aft_rpc::types::trust::{
    TrustApproveParams, TrustApproveResult, TrustCheck, TrustFile, TrustScript, TrustShowParams,
    TrustShowResult,
};
use aft_rpc::{ErrorKind, Request, RpcError, WirePath, WireTime};

use super::{Answer, reading, result, workspace};
use crate::causes::chain;
use crate::config::WORKSPACE_FILE;
use crate::serve::connection::Peer;
use crate::verify::Checks;
use crate::verify::checks;
use crate::verify::run::missing_limits;
use crate::verify::trust::{Seen, SeenCheck};

pub(super) fn show(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: TrustShowParams = request.params()?;
    let (_, workspace) = workspace(peer, &params.workspace)?;
    let checks = workspace.checks().ok_or_else(closing)?;
    let seen = reading(|| look(checks))?;
    let limits = missing_limits().into_iter().map(str::to_owned);
    result(&TrustShowResult {
        workspace: workspace.shared.id.to_string(),
        root: WirePath::from(seen.root.as_path()),
        approved: seen.is_approved(),
        digest: seen.digest(),
        file: seen.file.as_ref().map(|file| TrustFile {
            path: WirePath::from(seen.root.join(WORKSPACE_FILE).as_path()),
            hash: file.hash.clone(),
            text: file.text.clone(),
            approved: file.is_approved,
        }),
        checks: seen.checks.iter().map(|check| view(&seen, check)).collect(),
        not_limited: limits.collect(),
    })
}

pub(super) fn approve(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: TrustApproveParams = request.params()?;
    let (_, workspace) = workspace(peer, &params.workspace)?;
    let checks = workspace.checks().ok_or_else(closing)?;
    let seen = reading(|| look(checks))?;
    if seen.digest() != params.digest {
        let message =
            "what would run is something else by now; look at it again with `aft trust --show`";
        return Err(RpcError::new(ErrorKind::VersionConflict, message));
    }
    let now = serde_json::to_value(WireTime(peer.now_ns()));
    let now = now.ok().and_then(|now| now.as_str().map(str::to_owned));
    reading(|| checks.trust.approve(&seen, now.unwrap_or_default())).map_err(|error| {
        let message = format!("the approval cannot be kept: {error}");
        RpcError::new(ErrorKind::StoreFull, message)
    })?;
    let may_run = seen.checks.iter().filter(|check| check.scripts.is_ok());
    result(&TrustApproveResult {
        workspace: workspace.shared.id.to_string(),
        checks: may_run.map(|check| check.config.name.clone()).collect(),
    })
}

fn look(checks: &Arc<Checks>) -> Result<Seen, RpcError> {
    let invalid = |reason: String| RpcError::new(ErrorKind::Invalid, reason);
    let configured = checks.configured();
    let configured = configured.map_err(|error| invalid(chain(&error)))?;
    let seen = checks.trust.look(&checks.root(), &configured);
    seen.map_err(|error| invalid(format!("the workspace cannot be looked at: {error}")))
}

fn view(seen: &Seen, check: &SeenCheck) -> TrustCheck {
    let file = seen.file.as_ref().is_some_and(|file| file.is_approved);
    let (scripts, problem) = match &check.scripts {
        Ok(scripts) => (scripts.as_slice(), None),
        Err(problem) => (&[][..], Some(chain(problem))),
    };
    let words = checks::argv(&check.config).into_iter();
    TrustCheck {
        name: check.config.name.clone(),
        command: words
            .map(|word| word.to_string_lossy().into_owned())
            .collect(),
        dir: check.config.dir.clone(),
        in_workspace: checks::is_in_workspace(&check.config),
        env: check.config.env.clone(),
        own: check.is_own,
        approved: (!check.is_own || file)
            && problem.is_none()
            && scripts.iter().all(|(_, is_approved)| *is_approved),
        scripts: scripts
            .iter()
            .map(|(script, is_approved)| TrustScript {
                path: WirePath::from(Path::new(std::ffi::OsStr::from_bytes(&script.path))),
                hash: script.hash.clone(),
                size: script.size,
                approved: *is_approved,
            })
            .collect(),
        problem,
    }
}

fn closing() -> RpcError {
    RpcError::new(ErrorKind::Busy, "the workspace is being closed; try again")
}
