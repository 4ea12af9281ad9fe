// The versions of the file in front, page by page, for the tree.
// Does not: draw.

import * as vscode from "vscode";

import { AftError, Client } from "./client";
import { Mark, Place, placeOf, Version, versions } from "./history";

export interface Listing {
  file: vscode.Uri;
  place: Place;
  versions: Version[];
  next: Mark | undefined;
}

export class Model {
  private readonly emitter = new vscode.EventEmitter<void>();
  readonly onDidChange = this.emitter.event;
  /** What is shown; nothing where the file in front has no history. */
  listing: Listing | undefined;
  /** Why nothing is shown. */
  problem: AftError | undefined;
  private generation = 0;

  constructor(private readonly client: Client) {}

  /** Shows the history of a file, or of none. An answer for a file that is not in front any more is thrown away. */
  async show(file: vscode.Uri | undefined): Promise<void> {
    const generation = ++this.generation;
    let listing: Listing | undefined;
    let problem: AftError | undefined;
    if (file?.scheme === "file") {
      try {
        const place = await placeOf(this.client, file.fsPath);
        const page = await versions(this.client, place);
        listing = { file, place, versions: page.versions, next: page.next };
      } catch (error) {
        if (!(error instanceof AftError)) {
          throw error;
        }
        problem = error;
      }
    }
    if (generation === this.generation) {
      this.listing = listing;
      this.problem = problem;
      this.emitter.fire();
    }
  }

  async more(): Promise<void> {
    const { listing, generation } = this;
    if (!listing?.next) {
      return;
    }
    const page = await versions(this.client, listing.next);
    if (generation === this.generation) {
      this.listing = { ...listing, versions: [...listing.versions, ...page.versions], next: page.next };
      this.emitter.fire();
    }
  }

  dispose(): void {
    this.generation++;
    this.emitter.dispose();
  }
}
