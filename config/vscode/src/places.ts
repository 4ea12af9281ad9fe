// Where the daemon's sockets are; the settings or the environment decide.
// Does not: look whether anything is there.

import * as path from "node:path";

type Environment = Record<string, string | undefined>;

/** `$AFT_RUNTIME_DIR`, else `$XDG_RUNTIME_DIR/afterimage`, else `run` in the store. */
export function runtimeDirectory(env: Environment): string {
  if (env.AFT_RUNTIME_DIR) {
    return env.AFT_RUNTIME_DIR;
  }
  if (env.XDG_RUNTIME_DIR) {
    return path.join(env.XDG_RUNTIME_DIR, "afterimage");
  }
  if (env.AFT_HOME) {
    return path.join(env.AFT_HOME, "run");
  }
  const state = env.XDG_STATE_HOME || path.join(env.HOME ?? "/", ".local", "state");
  return path.join(state, "afterimage", "run");
}

export function editorSocket(configured: string, env: Environment): string {
  return path.join(configured || runtimeDirectory(env), "editor.sock");
}
