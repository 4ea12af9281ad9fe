// The connection to `editor.sock`: one Unix stream, one JSON object a line. Opened when something is asked, and again
// after the daemon went away.
// Does not: know methods, retry, or import `vscode`.

import * as net from "node:net";

/** Longest answer; results are paged. */
const ANSWER_MAX = 64 * 1024 * 1024;
const TIMEOUT_MS = 10_000;

/** Why a request brought no result. `kind` is the daemon's `data.kind`, or `no_daemon`, `closed`, `timed_out`, `protocol`. */
export class AftError extends Error {
  constructor(
    readonly kind: string,
    message: string,
    readonly remedy?: string,
    readonly code?: number,
  ) {
    super(message);
    this.name = "AftError";
  }
}

interface Waiting {
  resolve: (result: unknown) => void;
  reject: (error: AftError) => void;
  timer: NodeJS.Timeout;
}

class Connection {
  readonly waiting = new Map<number, Waiting>();
  private readonly chunks: Buffer[] = [];
  private held = 0;
  private ended = false;

  constructor(
    readonly socket: net.Socket,
    private readonly path: string,
    private readonly onEnd: (ended: Connection) => void,
  ) {
    let connected = false;
    socket.once("connect", () => {
      connected = true;
    });
    socket.on("data", (chunk: Buffer) => this.received(chunk));
    socket.on("error", (error: Error) =>
      this.end(
        connected
          ? new AftError("closed", `the connection to the daemon failed: ${error.message}`)
          : new AftError("no_daemon", `no daemon answers at ${this.path} (${error.message})`, "`aft daemon start` starts one"),
      ),
    );
    socket.on("close", () => this.end(new AftError("closed", "the daemon went away")));
  }

  end(error: AftError): void {
    if (this.ended) {
      return;
    }
    this.ended = true;
    this.onEnd(this);
    this.socket.destroy();
    for (const entry of this.waiting.values()) {
      clearTimeout(entry.timer);
      entry.reject(error);
    }
    this.waiting.clear();
  }

  private received(chunk: Buffer): void {
    let start = 0;
    for (let stop = chunk.indexOf(10); stop >= 0; stop = chunk.indexOf(10, start)) {
      this.chunks.push(chunk.subarray(start, stop));
      const line = Buffer.concat(this.chunks).toString("utf8");
      this.chunks.length = 0;
      this.held = 0;
      start = stop + 1;
      this.answered(line);
      if (this.ended) {
        return;
      }
    }
    if (start < chunk.length) {
      this.chunks.push(chunk.subarray(start));
      this.held += chunk.length - start;
      if (this.held > ANSWER_MAX) {
        this.end(new AftError("protocol", "the daemon's answer is too long"));
      }
    }
  }

  private answered(line: string): void {
    let answer: { id?: unknown; result?: unknown; error?: { code?: number; message?: string; data?: { kind?: string; remedy?: string } } };
    try {
      answer = JSON.parse(line);
    } catch {
      this.end(new AftError("protocol", "the daemon's answer is no JSON"));
      return;
    }
    const entry = typeof answer?.id === "number" ? this.waiting.get(answer.id) : undefined;
    if (!entry) {
      return; // An answer that came too late, or a notification; nobody waits for it.
    }
    this.waiting.delete(answer.id as number);
    clearTimeout(entry.timer);
    if (answer.error) {
      const { code, message, data } = answer.error;
      entry.reject(new AftError(data?.kind ?? "unknown", message ?? "the daemon refused", data?.remedy, code));
    } else {
      entry.resolve(answer.result);
    }
  }
}

export class Client {
  private connection: Connection | undefined;
  private nextId = 1;
  private disposed = false;

  /** `socketPath` is asked before each connection, since the settings may change. */
  constructor(
    private readonly socketPath: () => string,
    private readonly timeoutMs = TIMEOUT_MS,
  ) {}

  /** Calls a method. `waitMs` is how long the daemon itself may keep the request, beyond the time-out. */
  request<T>(method: string, params: object, waitMs = 0): Promise<T> {
    if (this.disposed) {
      return Promise.reject(new AftError("closed", "the client was closed"));
    }
    const connection = (this.connection ??= this.connect());
    const id = this.nextId++;
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => {
        connection.waiting.delete(id);
        reject(new AftError("timed_out", "the daemon did not answer in time"));
      }, this.timeoutMs + waitMs);
      connection.waiting.set(id, { resolve: resolve as (result: unknown) => void, reject, timer });
      connection.socket.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
    });
  }

  /** Ends the connection; the next request opens another one. */
  reset(): void {
    this.connection?.end(new AftError("closed", "the connection was ended"));
  }

  dispose(): void {
    this.disposed = true;
    this.reset();
  }

  private connect(): Connection {
    const path = this.socketPath();
    return new Connection(net.createConnection({ path }), path, (ended) => {
      if (this.connection === ended) {
        this.connection = undefined;
      }
    });
  }
}
