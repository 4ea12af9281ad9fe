// Works through `aft mcp` with the official TypeScript client.

import assert from "node:assert";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [aft, root, packages] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${packages}/`));
const load = (name) => import(pathToFileURL(require.resolve(`@modelcontextprotocol/sdk/${name}`)).href);
const { Client } = await load("client/index.js");
const { StdioClientTransport } = await load("client/stdio.js");

const file = `${root}/greet.py`;
writeFileSync(file, "hello\n");
const client = new Client({ name: "test", version: "1" });
const transport = new StdioClientTransport({ command: aft, args: ["mcp"], env: { ...process.env } });
await client.connect(transport);
assert.equal(client.getServerVersion().name, "afterimage");

const { tools } = await client.listTools();
const hints = Object.fromEntries(tools.map((tool) => [tool.name, tool.annotations]));
assert.equal(hints.diff.readOnlyHint, true);
assert.equal(hints.undo.destructiveHint, true);
assert.equal(hints.rollback_apply.idempotentHint, true);

// The client validates the structured content against the output schema itself.
const call = async (name, given = {}) => {
  const result = await client.callTool({ name, arguments: { workspace: root, ...given } });
  assert.ok(!result.isError, `${name}: ${JSON.stringify(result.content)}`);
  return result.structuredContent;
};
await call("checkpoint", { name: "js" });
const { session } = await call("session_start", { agent: "typescript" });
await call("turn_start", { session });
writeFileSync(file, "good day\n");
assert.equal((await call("diff", { from: "js" })).n_files, 1);
const { operations } = await call("turn_end", { session });
assert.equal(operations.length, 1);
await call("show", { operation: operations[0] });
assert.equal((await call("log", { session })).operations[0].author, "agent:typescript");
const { plan } = await call("rollback_plan", { to: "js" });
await call("rollback_apply", { to: "js", plan });
assert.equal(readFileSync(file, "utf8"), "hello\n");
await call("undo");
assert.equal(readFileSync(file, "utf8"), "good day\n");
await call("restore", { paths: ["greet.py"], at: "js" });
assert.equal(readFileSync(file, "utf8"), "hello\n");
await call("cat", { path: "greet.py" });
await call("session_end", { session });
const { workspace } = await call("status");
assert.equal((await client.callTool({ name: "status", arguments: { workspace: "/nowhere" } })).isError, true);
const read = await client.readResource({ uri: `afterimage://diff/${workspace}/js/@` });
assert.equal(typeof read.contents[0].text, "string");
assert.equal((await client.listResourceTemplates()).resourceTemplates.length, 3);
await client.close();
console.log("ok: typescript");
