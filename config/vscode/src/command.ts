// Undo and restore, by the `aft` command: `editor.sock` only reads.
// Does not: ask the user, or import `vscode`.

import { execFile } from "node:child_process";
import * as path from "node:path";

import { Place } from "./history";

/** What came of a command. */
export interface Outcome {
  /** Exit code: 0 done, 3 refused, 4 not found, 5 partly done; -1 where the command could not be run. */
  code: number;
  /** One sentence for the user. */
  message: string;
}

const MEANING: Record<number, string> = {
  3: "refused, nothing was touched",
  4: "not found",
  5: "partly done",
  6: "forbidden",
  7: "no daemon",
  8: "the store is damaged",
};

function run(command: string, args: string[], cwd: string, what: string): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(command, args, { cwd, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      const code = error ? (typeof error.code === "number" ? error.code : -1) : 0;
      if (code === 0 || code === 5) {
        try {
          resolve({ code, message: `${what}: ${summary(JSON.parse(stdout))}` });
          return;
        } catch {
          // No document on standard output: what stands on standard error is told.
        }
      }
      const meaning = MEANING[code] ? `${MEANING[code]}: ` : "";
      const said = stderr.trim().replace(/^aft: /, "") || error?.message || "it said nothing";
      resolve({ code, message: `${what}: ${meaning}${said}` });
    });
  });
}

function summary(result: { n_changed: number; operation?: number | null; kept?: unknown[] }): string {
  if (result.n_changed === 0) {
    return "nothing had to change";
  }
  const kept = result.kept?.length ? `; ${result.kept.length} left as they are` : "";
  return `${result.n_changed} file${result.n_changed === 1 ? "" : "s"}, recorded as #${result.operation}${kept}`;
}

/** Takes back the last operation that is not undone yet, or the one named, later edits kept. */
export function undo(command: string, root: string, operation?: number): Promise<Outcome> {
  const named = operation === undefined ? [] : ["--", String(operation)];
  return run(command, ["undo", "--json", "-w", root, ...named], root, operation === undefined ? "undo" : `undo #${operation}`);
}

/** Puts a file back as it was at a point. */
export function restore(command: string, place: Place, at: string | number): Promise<Outcome> {
  const args = ["restore", "--json", "--at", String(at), "-w", place.root, "--", path.join(place.root, place.path)];
  return run(command, args, place.root, `restore ${place.path}`);
}
