// What is new in a workspace: one long poll, which costs nothing while nothing happens and goes on after the daemon came back.
// Does not: show anything, or import `vscode`.

import { AftError, Client } from "./client";
import { toText, Wire } from "./wire";

const WAIT_MS = 30_000;
const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 30_000;

interface PollResult {
  clock: string;
  fresh_instance: boolean;
  operations: { operation: number; n_changes: number; changes: { path: Wire; renamed_from?: Wire | null }[] }[];
}

export interface News {
  /** Whether the daemon answers. */
  on: boolean;
  /** The newest operation, where one is known. */
  head: number | undefined;
  /** The paths that changed; nothing where not all of them are known, so that anything may have. */
  paths: Set<string> | undefined;
}

export class Follower {
  private clock: string | undefined;
  private head: number | undefined;
  private on: boolean | undefined;
  private stopped = false;
  private wake: (() => void) | undefined;

  constructor(
    private readonly client: Client,
    readonly root: string,
    private readonly tell: (news: News) => void,
    private readonly waitMs = WAIT_MS,
  ) {}

  /** Polls until `stop`. Never throws: what goes wrong is told as `on: false`, and tried again. */
  async run(): Promise<void> {
    let retry = RETRY_FIRST_MS;
    while (!this.stopped) {
      try {
        await this.once();
        retry = RETRY_FIRST_MS;
      } catch (error) {
        if (this.stopped) {
          return;
        }
        if (!(error instanceof AftError)) {
          throw error;
        }
        if (this.on !== false) {
          this.on = false;
          this.tell({ on: false, head: this.head, paths: new Set() });
        }
        await this.pause(retry);
        retry = Math.min(retry * 2, RETRY_MAX_MS);
      }
    }
  }

  stop(): void {
    this.stopped = true;
    this.wake?.();
  }

  private async once(): Promise<void> {
    const first = this.clock === undefined;
    const wait = first || this.on === false ? 0 : this.waitMs;
    const params = { workspace: this.root, limit: first ? 1 : 50, wait_ms: wait, ...(first ? {} : { clock: this.clock }) };
    const answer = await this.client.request<PollResult>("history.poll", params, wait);
    if (this.stopped) {
      return;
    }
    const back = this.on !== true;
    this.on = true;
    this.clock = answer.clock;
    this.head = answer.operations.at(-1)?.operation ?? this.head;
    if (back || answer.fresh_instance || answer.operations.length > 0) {
      this.tell({ on: true, head: this.head, paths: first ? new Set() : changed(answer) });
    }
  }

  private pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function changed(answer: PollResult): Set<string> | undefined {
  if (answer.fresh_instance || answer.operations.some((operation) => operation.n_changes > operation.changes.length)) {
    return undefined;
  }
  const paths = new Set<string>();
  for (const operation of answer.operations) {
    for (const change of operation.changes) {
      paths.add(toText(change.path));
      if (change.renamed_from) {
        paths.add(toText(change.renamed_from));
      }
    }
  }
  return paths;
}
