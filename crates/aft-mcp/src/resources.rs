//! Diffs and files at a point as resources.
//!
//! Does: name them by addresses that say everything themselves: `afterimage://file/WORKSPACE/POINT/PATH`,
//! `afterimage://diff/WORKSPACE/FROM/TO`, `afterimage://operation/WORKSPACE/NUMBER`.
//! Does not: notify of changes; a point in the past does not change.

mod address;

use aft_rpc::WirePath;
use aft_rpc::types::diff::{DiffFormat, DiffParams};
use aft_rpc::types::file::FileReadParams;
use aft_rpc::types::history::HistoryListParams;
use aft_rpc::types::operation::{ChangeView, DiffDetail, OperationShowParams};
use aft_rpc::types::workspace::WorkspaceListParams;
use rmcp::model::{Resource, ResourceContents, ResourceTemplate};

use crate::daemon::{Daemon, Failed};
use crate::tools::patches;
use address::Address;

/// Longest text of one resource; a diff that is longer ends with a note, a file that is longer is refused.
const TEXT_MAX: usize = 4 << 20;
const FILE_MAX: u64 = 8 << 20;
/// Operations listed of each workspace, and workspaces.
const OPERATIONS: u64 = 10;
const WORKSPACES: usize = 20;
const DIFF_TYPE: &str = "text/x-diff";

pub(crate) fn templates() -> Vec<ResourceTemplate> {
    let workspace = "`workspace` is a workspace's path, percent-encoded, or its id";
    vec![
        ResourceTemplate::new(
            "afterimage://file/{workspace}/{at}/{+path}",
            "file-at-point",
        )
        .with_title("A file at a point")
        .with_description(format!("The file as it was; {workspace}, `at` a point.")),
        ResourceTemplate::new("afterimage://diff/{workspace}/{from}/{to}", "diff")
            .with_title("What differs between two points")
            .with_description(format!(
                "Unified diffs; {workspace}, `from` and `to` are points (`@` is now)."
            ))
            .with_mime_type(DIFF_TYPE),
        ResourceTemplate::new(
            "afterimage://operation/{workspace}/{operation}",
            "operation",
        )
        .with_title("One operation's diff")
        .with_description(format!("Unified diffs; {workspace}, `operation` a number."))
        .with_mime_type(DIFF_TYPE),
    ]
}

/// The newest operations of every workspace.
pub(crate) fn list(daemon: &Daemon) -> Result<Vec<Resource>, Failed> {
    let mut client = daemon.connect()?;
    let workspaces = client.call(&WorkspaceListParams {})?.workspaces;
    let mut found = Vec::new();
    for workspace in workspaces.into_iter().take(WORKSPACES) {
        let params = HistoryListParams {
            limit: Some(OPERATIONS),
            changes_limit: Some(3),
            ..HistoryListParams::new(WirePath::from(workspace.workspace.as_str()))
        };
        // A workspace that cannot be read takes nothing from the others.
        let Ok(history) = client.call(&params) else {
            continue;
        };
        for operation in history.operations {
            let address = Address::Operation {
                workspace: workspace.workspace.clone(),
                operation: operation.operation.to_string(),
            };
            let paths: Vec<_> = operation
                .changes
                .iter()
                .map(|change| change.path.display().into_owned())
                .collect();
            let name = format!(
                "{} #{} {} by {}",
                workspace.root.display(),
                operation.operation,
                operation.kind.as_str(),
                operation.author
            );
            found.push(
                Resource::new(address.to_string(), name)
                    .with_description(format!(
                        "{} changes: {}",
                        operation.n_changes,
                        paths.join(", ")
                    ))
                    .with_mime_type(DIFF_TYPE),
            );
        }
    }
    Ok(found)
}

pub(crate) fn read(daemon: &Daemon, uri: &str) -> Result<ResourceContents, Failed> {
    let address = Address::parse(uri).ok_or_else(|| {
        Failed::Arguments(format!(
            "`{uri}` is not an address of a file, a diff or an operation here"
        ))
    })?;
    match address {
        Address::File {
            workspace,
            at,
            path,
        } => file(daemon, uri, (&workspace, &at, &path)),
        Address::Diff {
            workspace,
            from,
            to,
        } => {
            let workspace = WirePath::from(workspace.as_str());
            diff(uri, |cursor| {
                let page = daemon.read(
                    &workspace,
                    &DiffParams {
                        workspace: workspace.clone(),
                        from: from.as_str().into(),
                        to: Some(to.as_str().into()),
                        paths: None,
                        format: DiffFormat::Unified,
                        limit: None,
                        cursor,
                    },
                )?;
                Ok((page.files, page.cursor))
            })
        }
        Address::Operation {
            workspace,
            operation,
        } => {
            let workspace = WirePath::from(workspace.as_str());
            diff(uri, |cursor| {
                let page = daemon.read(
                    &workspace,
                    &OperationShowParams {
                        workspace: workspace.clone(),
                        operation: operation.as_str().into(),
                        diff: DiffDetail::Unified,
                        paths: None,
                        limit: None,
                        cursor,
                    },
                )?;
                Ok((page.operation.changes, page.cursor))
            })
        }
    }
}

/// Every page of a diff as one text.
fn diff(
    uri: &str,
    mut page: impl FnMut(Option<String>) -> Result<(Vec<ChangeView>, Option<String>), Failed>,
) -> Result<ResourceContents, Failed> {
    let (mut text, mut cursor) = (String::new(), None);
    loop {
        let (changes, next) = page(cursor)?;
        text.push_str(&patches(&changes, None));
        cursor = next;
        if cursor.is_none() {
            break;
        }
        if text.len() >= TEXT_MAX {
            text.push_str("(the rest is left out; the tool `diff` takes paths and gives pages)\n");
            break;
        }
    }
    Ok(ResourceContents::text(text, uri).with_mime_type(DIFF_TYPE))
}

fn file(
    daemon: &Daemon,
    uri: &str,
    (workspace, at, path): (&str, &str, &str),
) -> Result<ResourceContents, Failed> {
    let workspace = WirePath::from(workspace);
    let mut bytes = Vec::new();
    loop {
        let part = daemon.read(
            &workspace,
            &FileReadParams {
                workspace: workspace.clone(),
                path: path.into(),
                at: Some(at.into()),
                offset: Some(bytes.len() as u64),
                length: None,
            },
        )?;
        if part.size > FILE_MAX {
            return Err(Failed::TooMuch(format!(
                "the file has {} bytes and a resource at most {FILE_MAX}; the tool `cat` gives parts",
                part.size
            )));
        }
        let is_whole = part.content.0.is_empty();
        bytes.extend(part.content.0);
        if is_whole || bytes.len() as u64 >= part.size {
            break;
        }
    }
    Ok(match String::from_utf8(bytes) {
        Ok(text) => ResourceContents::text(text, uri),
        Err(error) => ResourceContents::blob(base64(error.into_bytes()), uri)
            .with_mime_type("application/octet-stream"),
    })
}

/// The wire's own encoding of bytes that are no text.
fn base64(bytes: Vec<u8>) -> String {
    let encoded = serde_json::to_value(aft_rpc::WireBytes(bytes)).unwrap_or_default();
    let text = encoded.get("base64").and_then(|text| text.as_str());
    text.unwrap_or_default().to_owned()
}
