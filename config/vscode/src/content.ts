// Documents of the scheme `aft`: a file as it was at a point, for `vscode.diff` and for reading.
// Does not: change; what a point holds never does.

import * as vscode from "vscode";

import { AftError, Client } from "./client";
import { Place, read } from "./history";
import { isText } from "./wire";

export const SCHEME = "aft";

interface Query {
  root: string;
  at: string | number;
  /** Nothing was there: an empty document, the left side of a file's first version. */
  none?: boolean;
}

/** The document of a file at a point. Its path is only for the title and for the language. */
export function uriAt(place: Place, at: string | number): vscode.Uri {
  const query: Query = { root: place.root, at };
  return vscode.Uri.from({ scheme: SCHEME, path: `/${place.path}`, query: JSON.stringify(query) });
}

/** An empty document in a file's name. */
export function uriOfNothing(place: Place): vscode.Uri {
  const query: Query = { root: place.root, at: 0, none: true };
  return vscode.Uri.from({ scheme: SCHEME, path: `/${place.path}`, query: JSON.stringify(query) });
}

export class ContentProvider implements vscode.TextDocumentContentProvider {
  constructor(private readonly client: Client) {}

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const query = JSON.parse(uri.query) as Query;
    if (query.none) {
      return "";
    }
    try {
      const { bytes } = await read(this.client, { root: query.root, path: uri.path.slice(1) }, query.at);
      return isText(bytes) ? bytes.toString("utf8") : `(${bytes.length} bytes that are not UTF-8 text; \`aft cat\` writes them)\n`;
    } catch (error) {
      if (error instanceof AftError && error.kind === "not_found") {
        return "";
      }
      throw error;
    }
  }
}
