// Afterimage for OpenCode: marks sessions, turns and tool calls, so that what the agent does is known to be its own.
// Written by `aft integrate opencode`; `aft integrate opencode --remove` takes it away.
//
// It never holds the agent up: `aft hook` answers within its budget, and whatever goes wrong is nothing's matter here.

import { spawn } from "node:child_process";

const AFT = "aft"; // aft-integrate: program
const PATIENCE_MS = 2000;

/** Runs `aft hook opencode` with a payload on standard input; gives its answer, or nothing. */
function hook(payload) {
  return new Promise((resolve) => {
    let done = false;
    const finish = (answer) => {
      if (!done) {
        done = true;
        resolve(answer);
      }
    };
    try {
      const child = spawn(AFT, ["hook", "opencode"], { stdio: ["pipe", "pipe", "ignore"] });
      const timer = setTimeout(() => {
        child.kill("SIGKILL");
        finish({});
      }, PATIENCE_MS);
      timer.unref?.();
      let said = "";
      child.stdout.on("data", (chunk) => (said += chunk));
      child.on("error", () => finish({}));
      child.stdin.on("error", () => {});
      child.on("close", () => {
        clearTimeout(timer);
        try {
          finish(JSON.parse(said));
        } catch {
          finish({});
        }
      });
      child.stdin.end(JSON.stringify(payload));
    } catch {
      finish({});
    }
  });
}

/** A tool's parameters without contents: only what names a file. */
function named(args) {
  const path = args?.filePath ?? args?.file_path ?? args?.path;
  return typeof path === "string" ? { file_path: path } : {};
}

export const Afterimage = async ({ directory }) => {
  const parents = new Map();
  const send = (event, session, more = {}) =>
    hook({
      event,
      session_id: session,
      parent_id: parents.get(session),
      cwd: directory,
      ...more,
    });
  return {
    event: async ({ event }) => {
      const info = event.properties?.info;
      const session = event.properties?.sessionID ?? info?.id;
      if (!session) return;
      if (event.type === "session.created") {
        if (info?.parentID) parents.set(session, info.parentID);
        await send("session.start", session);
      } else if (event.type === "session.idle") {
        await send("turn.end", session);
      } else if (event.type === "session.deleted") {
        await send("session.end", session);
        parents.delete(session);
      }
    },
    "chat.message": async (input, output) => {
      // A subagent's message is part of the turn of whoever asked it.
      if (input.sessionID && !parents.has(input.sessionID)) {
        await send("turn.start", input.sessionID, { prompt_id: output?.message?.id });
      }
    },
    "tool.execute.before": async (input, output) => {
      await send("tool.before", input.sessionID, {
        tool_name: input.tool,
        tool_use_id: input.callID,
        tool_input: named(output?.args),
      });
    },
    "tool.execute.after": async (input, output) => {
      const answer = await send("tool.after", input.sessionID, {
        tool_name: input.tool,
        tool_use_id: input.callID,
        tool_input: named(input.args),
      });
      if (answer?.message && typeof output?.output === "string") {
        output.output += `\n\n${answer.message}`;
      }
    },
  };
};
