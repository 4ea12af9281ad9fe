//! The protocol's messages: what is served, from the table of tools and the resources.
//!
//! Does not: know what a tool does. Calls block, so that each runs on a thread of its own and none holds up another.

use std::sync::Arc;

use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation,
    ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
    ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, ServerCapabilities,
    ServerConfig, Tool as ToolModel, ToolAnnotations,
};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::Value;

use crate::daemon::{Daemon, Failed};
use crate::resources;
use crate::tools::{self, Effect, Given, TOOLS, Tool};

/// What every client is told once.
const INSTRUCTIONS: &str = "\
Afterimage records every change to the files of a watched workspace, whoever makes it, and takes any of it back. \
Every tool names its `workspace`: the absolute path of a directory in it. \
Make a `checkpoint` before something risky. To go back, `undo` one operation, turn or session, or `rollback_plan` and then `rollback_apply` \
with the same arguments. Both keep later edits of others, refuse conflicts without touching anything, and can be undone themselves. \
Points: `@` now, `@-3` three operations back, an operation's number, a checkpoint's name, `10m` ago, `turn:-1`, `session:ID`.";

#[derive(Clone, Debug)]
pub(crate) struct Server {
    daemon: Daemon,
}

impl Server {
    pub(crate) fn new(daemon: Daemon) -> Self {
        Self { daemon }
    }

    /// Runs what blocks.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Daemon) -> T + Send + 'static,
    ) -> Result<T, ErrorData> {
        let daemon = self.daemon.clone();
        tokio::task::spawn_blocking(move || work(&daemon))
            .await
            .map_err(|error| ErrorData::internal_error(error.to_string(), None))
    }
}

impl rmcp::ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_resources()
            .build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("afterimage", env!("CARGO_PKG_VERSION")))
            .with_instructions(INSTRUCTIONS)
    }

    fn get_tool(&self, name: &str) -> Option<ToolModel> {
        tools::find(name).map(described)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(
            TOOLS.iter().map(described).collect(),
        ))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(tool) = tools::find(&request.name) else {
            return Err(ErrorData::invalid_params(
                format!("there is no tool `{}`", request.name),
                None,
            ));
        };
        let arguments = Value::Object(request.arguments.unwrap_or_default());
        let given = self
            .blocking(move |daemon| (tool.run)(daemon, arguments))
            .await?;
        Ok(answered(given).into())
    }

    async fn list_resources(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let found = self.blocking(resources::list).await?;
        found
            .map(ListResourcesResult::with_all_items)
            .map_err(|error| ErrorData::internal_error(error.text(), None))
    }

    async fn list_resource_templates(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(ListResourceTemplatesResult::with_all_items(
            resources::templates(),
        ))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let uri = request.uri;
        let read = self
            .blocking(move |daemon| resources::read(daemon, &uri))
            .await?;
        match read {
            Ok(contents) => Ok(ReadResourceResult::new(vec![contents]).into()),
            Err(error) => Err(ErrorData::resource_not_found(error.text(), None)),
        }
    }
}

fn answered(given: Result<Given, Failed>) -> CallToolResult {
    match given {
        Ok(given) => {
            let mut result = CallToolResult::success(vec![ContentBlock::text(given.text)]);
            result.structured_content = Some(given.structured);
            result
        }
        Err(error) => CallToolResult::error(vec![ContentBlock::text(error.text())]),
    }
}

fn described(tool: &Tool) -> ToolModel {
    ToolModel::new_with_raw(tool.name, Some(tool.doc.into()), Arc::new((tool.input)()))
        .with_title(tool.title)
        .with_raw_output_schema(Arc::new((tool.output)()))
        .with_annotations(hints(tool.title, tool.effect))
}

/// Nothing here reaches beyond the machine, so that the world is closed.
fn hints(title: &str, effect: Effect) -> ToolAnnotations {
    let hints = ToolAnnotations::with_title(title).open_world(false);
    match effect {
        Effect::Reads => hints.read_only(true).destructive(false).idempotent(true),
        Effect::Adds => hints.read_only(false).destructive(false).idempotent(false),
        Effect::AddsOnce => hints.read_only(false).destructive(false).idempotent(true),
        Effect::ChangesFiles => hints.read_only(false).destructive(true).idempotent(false),
        Effect::ChangesFilesOnce => hints.read_only(false).destructive(true).idempotent(true),
    }
}
