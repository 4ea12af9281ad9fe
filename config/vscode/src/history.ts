// The history of a file over the connection: which workspace it is in, its versions across renames, its bytes at a point.
// Does not: show anything, or import `vscode`.

import * as fs from "node:fs/promises";
import * as path from "node:path";

import { AftError, Client } from "./client";
import { toBytes, toText, Wire } from "./wire";

/** Versions in one page. */
export const PAGE = 50;

/** A file in a workspace. */
export interface Place {
  root: string;
  path: string;
}

interface StateView {
  type: "absent" | "file" | "symlink" | "dir" | "opaque";
  size?: number | null;
}

/** One version of a file, as the daemon tells it. */
export interface Version {
  operation: number;
  kind: string;
  author: string;
  time: string;
  state: StateView;
  session?: string | null;
  turn?: string | null;
  renamed_from?: Wire | null;
  /** What the file was called then. */
  name: string;
}

/** Where a listing of versions goes on. */
export interface Mark extends Place {
  cursor?: string;
  /** Under this name only what came before that operation: the file was renamed in it. */
  before?: number;
}

export interface Page {
  versions: Version[];
  next: Mark | undefined;
}

/** The real path of a file that may be gone: that of the nearest directory above which is there. */
export async function realPath(name: string): Promise<string> {
  try {
    return await fs.realpath(name);
  } catch {
    const parent = path.dirname(name);
    return parent === name ? name : path.join(await realPath(parent), path.basename(name));
  }
}

/** The innermost workspace of a file. */
export async function placeOf(client: Client, file: string): Promise<Place> {
  const real = await realPath(file);
  const { workspaces } = await client.request<{ workspaces: { root: Wire }[] }>("workspace.list", {});
  let best: Place | undefined;
  for (const entry of workspaces) {
    const root = toText(entry.root);
    const under = root === "/" ? "/" : `${root}/`;
    if (real.startsWith(under) && root.length > (best?.root.length ?? -1)) {
      best = { root, path: real.slice(under.length) };
    }
  }
  if (!best) {
    throw new AftError("not_found", `${file} is in no watched workspace`, "`aft watch DIR` watches a directory");
  }
  return best;
}

/** A page of versions, newest first. A rename is followed to the name before it. */
export async function versions(client: Client, from: Mark, limit = PAGE): Promise<Page> {
  const result = await client.request<{ versions: Omit<Version, "name">[]; cursor?: string | null }>("file.history", {
    workspace: from.root,
    path: from.path,
    limit,
    ...(from.cursor ? { cursor: from.cursor } : {}),
  });
  const found = result.versions
    .filter((version) => from.before === undefined || version.operation < from.before)
    .map((version) => ({ ...version, name: from.path }));
  const last = found.at(-1);
  let next: Mark | undefined;
  if (last?.renamed_from) {
    next = { root: from.root, path: toText(last.renamed_from), before: last.operation };
  } else if (result.cursor) {
    next = { ...from, cursor: result.cursor };
  }
  return found.length === 0 && next ? versions(client, next, limit) : { versions: found, next };
}

/** The version before another one; nothing before the first. */
export async function before(client: Client, place: Place, operation: number): Promise<Version | undefined> {
  let mark: Mark | undefined = { root: place.root, path: place.path };
  while (mark) {
    const page: Page = await versions(client, mark);
    const found = page.versions.find((version) => version.operation < operation);
    if (found) {
      return found;
    }
    mark = page.next;
  }
  return undefined;
}

/** The bytes of a file at a point; several requests for a large one, all of one state. */
export async function read(client: Client, place: Place, at: string | number): Promise<{ bytes: Buffer; operation: number }> {
  const pieces: Buffer[] = [];
  let offset = 0;
  let point = at;
  for (;;) {
    const page = await client.request<{ content: Wire; size: number; operation: number }>("file.read", {
      workspace: place.root,
      path: place.path,
      at: point,
      offset,
    });
    const piece = toBytes(page.content);
    pieces.push(piece);
    offset += piece.length;
    point = page.operation;
    if (offset >= page.size || piece.length === 0) {
      return { bytes: Buffer.concat(pieces), operation: page.operation };
    }
  }
}
