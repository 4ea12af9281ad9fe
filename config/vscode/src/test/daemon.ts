// A real daemon with a store, sockets and a workspace of its own in temporary directories.
// Does not: skip. Where there is no `aft`, whoever asks for one fails and is told how to build it.

import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

const BUILT = path.resolve(__dirname, "../../../../target/debug/aft");

function binary(): string {
  const found = process.env.AFT_BIN || BUILT;
  if (!fs.existsSync(found)) {
    throw new Error(`there is no ${found}: run \`cargo build -p aft-cli\`, or set AFT_BIN`);
  }
  return found;
}

export class Daemon {
  private readonly source = binary();
  readonly base = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "aft-vs-")));
  readonly root = path.join(this.base, "work");
  readonly aft = path.join(this.base, "aft");
  readonly run = path.join(this.base, "run");
  readonly env = {
    PATH: process.env.PATH ?? "",
    HOME: this.base,
    AFT_HOME: path.join(this.base, "store"),
    AFT_RUNTIME_DIR: this.run,
    AFT_CONFIG: path.join(this.base, "config.toml"),
    NO_COLOR: "1",
  };

  constructor() {
    // A copy, so that a build in the middle of a test does not pull the binary away.
    try {
      fs.linkSync(this.source, this.aft);
    } catch {
      fs.copyFileSync(this.source, this.aft);
    }
    fs.mkdirSync(this.root);
  }

  command(...args: string[]): string {
    return execFileSync(this.aft, args, { cwd: this.root, env: this.env, encoding: "utf8", timeout: 60_000 });
  }

  start(): void {
    this.command("watch", this.root, "--detach");
  }

  file(name: string): string {
    return path.join(this.root, name);
  }

  /** Writes a file, as one operation. */
  write(name: string, text: string | Buffer): void {
    fs.writeFileSync(this.file(name), text as string);
    this.command("sync");
  }

  read(name: string): string {
    return fs.readFileSync(this.file(name), "utf8");
  }

  stop(): void {
    try {
      this.command("daemon", "stop");
    } finally {
      fs.rmSync(this.base, { recursive: true, force: true });
    }
  }
}

/** Waits until something holds, with a deadline. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, milliseconds = 15_000): Promise<void> {
  const end = Date.now() + milliseconds;
  while (!(await holds())) {
    if (Date.now() > end) {
      throw new Error(`waited in vain for ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
