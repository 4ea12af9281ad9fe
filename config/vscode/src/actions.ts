// What the commands do: diffs, and the ways back.
// Does not: register itself.

import { existsSync } from "node:fs";
import * as path from "node:path";
import * as vscode from "vscode";

import { AftError, Client } from "./client";
import { Outcome, restore, undo } from "./command";
import { uriAt, uriOfNothing } from "./content";
import { before, Place, placeOf, versions } from "./history";
import { age, label, who } from "./text";
import { nodeOf } from "./timeline";
import { Node } from "./tree";

export class Actions {
  constructor(
    private readonly client: Client,
    private readonly command: () => string,
    private readonly done: () => void,
  ) {}

  /** Runs an action; what goes wrong is shown, with what to do about it where the daemon said. */
  guard<A extends unknown[]>(action: (...args: A) => Promise<void>): (...args: A) => Promise<void> {
    return async (...args) => {
      try {
        await action(...args);
      } catch (error) {
        if (!(error instanceof AftError)) {
          throw error;
        }
        void vscode.window.showErrorMessage(`Afterimage: ${error.message}${error.remedy ? ` (${error.remedy})` : ""}`);
      }
    };
  }

  /** The file in front against a point that is asked for, or given. */
  async diff(file?: vscode.Uri, at?: string): Promise<void> {
    const uri = this.file(file);
    const place = await placeOf(this.client, uri.fsPath);
    const picked = at === undefined ? await this.pick(place, "Compare with") : { place, at };
    if (picked) {
      await this.showDiff(uriAt(picked.place, picked.at), uri, `${path.basename(place.path)} (${typeof picked.at === "number" ? "#" : ""}${picked.at} ↔ now)`);
    }
  }

  async diffVersion(given: unknown): Promise<void> {
    const { version, place, file } = node(given);
    const left = uriAt({ root: place.root, path: version.name }, version.operation);
    await this.showDiff(left, file, `${path.basename(place.path)} (#${version.operation} ↔ now)`);
  }

  /** What a version changed: the one before it on the left. */
  async openChange(given: unknown): Promise<void> {
    const { version, place } = node(given);
    const then = { root: place.root, path: version.name };
    const old = await before(this.client, place, version.operation);
    const left = old && old.state.type !== "absent" ? uriAt({ root: place.root, path: old.name }, old.operation) : uriOfNothing(then);
    const right = version.state.type === "absent" ? uriOfNothing(then) : uriAt(then, version.operation);
    const title = `${path.basename(place.path)} (${old ? `#${old.operation}` : "nothing"} ↔ #${version.operation})`;
    await this.showDiff(left, right, title);
  }

  async openVersion(given: unknown): Promise<void> {
    const { version, place } = node(given);
    await vscode.commands.executeCommand("vscode.open", uriAt({ root: place.root, path: version.name }, version.operation));
  }

  async restore(file?: vscode.Uri): Promise<void> {
    const place = await placeOf(this.client, this.file(file).fsPath);
    const picked = await this.pick(place, "Restore as it was at");
    if (picked) {
      await this.restoreTo(place, picked.at, picked.place.path);
    }
  }

  async restoreVersion(given: unknown): Promise<void> {
    const { version, place } = node(given);
    await this.restoreTo(place, version.operation, version.name);
  }

  async undo(): Promise<void> {
    const place = await placeOf(this.client, this.file().fsPath);
    await this.wayBack(`Take back the last operation in ${place.root}?`, "Undo", () => undo(this.command(), place.root));
  }

  async undoVersion(given: unknown): Promise<void> {
    const { version, place } = node(given);
    const question = `Take back operation ${version.operation} in ${place.root}? Later edits are kept.`;
    await this.wayBack(question, "Undo", () => undo(this.command(), place.root, version.operation));
  }

  private async restoreTo(place: Place, at: string | number, name: string): Promise<void> {
    if (name !== place.path) {
      throw new AftError("invalid", `the file was called ${name} then; open that version and take its text`);
    }
    await this.wayBack(`Restore ${place.path} as it was at ${at}?`, "Restore", () => restore(this.command(), place, at));
  }

  private async wayBack(question: string, verb: string, run: () => Promise<Outcome>): Promise<void> {
    if (!vscode.workspace.isTrusted) {
      throw new AftError("untrusted", "this workspace is not trusted in VS Code, so that `aft` is not run in it");
    }
    const unsaved = vscode.workspace.textDocuments.filter((document) => document.isDirty && document.uri.scheme === "file").length;
    const detail = unsaved > 0 ? `${unsaved} unsaved file${unsaved === 1 ? " keeps its" : "s keep their"} text.` : undefined;
    const answer = await vscode.window.showWarningMessage(question, { modal: true, ...(detail ? { detail } : {}) }, verb);
    if (answer !== verb) {
      return;
    }
    const outcome = await run();
    const message = `Afterimage: ${outcome.message}`;
    void (outcome.code === 0
      ? vscode.window.showInformationMessage(message)
      : outcome.code === 5
        ? vscode.window.showWarningMessage(message)
        : vscode.window.showErrorMessage(message));
    await lookAgain();
    this.done();
  }

  private async pick(place: Place, title: string): Promise<{ place: Place; at: string | number } | undefined> {
    const page = await versions(this.client, place);
    const items = page.versions.map((version) => ({
      label: label(version),
      description: `${age(version.time)}  ${who(version)}`,
      at: version.operation as string | number,
      path: version.name,
    }));
    const other = { label: "Another point…", description: "@-3, 10m, a checkpoint's name, a time", at: "", path: place.path };
    const chosen = await vscode.window.showQuickPick([...items, other], { title, matchOnDescription: true });
    if (!chosen) {
      return undefined;
    }
    const at = chosen === other ? await vscode.window.showInputBox({ title, prompt: "A point: 142, @-3, 10m, a name, a time" }) : chosen.at;
    return at ? { place: { root: place.root, path: chosen.path }, at } : undefined;
  }

  private file(given?: vscode.Uri): vscode.Uri {
    const uri = given?.scheme === "file" ? given : vscode.window.activeTextEditor?.document.uri;
    if (uri?.scheme !== "file") {
      throw new AftError("invalid", "there is no file in front");
    }
    return uri;
  }

  private async showDiff(left: vscode.Uri, right: vscode.Uri, title: string): Promise<void> {
    await vscode.commands.executeCommand("vscode.diff", left, right, title);
  }
}

/** Has the file in front read anew where it has no unsaved text. VS Code does that by itself for most changes, but takes a file
 * that was exchanged for another one for a file that came and went. */
async function lookAgain(): Promise<void> {
  const document = vscode.window.activeTextEditor?.document;
  if (document?.uri.scheme !== "file" || document.isDirty || !existsSync(document.uri.fsPath)) {
    return;
  }
  await vscode.commands.executeCommand("workbench.action.files.revert");
}

/** The version that a command was called with, from the tree, the timeline or an item's own command. */
function node(given: unknown): Node {
  const found = (given as Node | undefined)?.version ? (given as Node) : nodeOf(given);
  if (!found) {
    throw new AftError("invalid", "no version was chosen");
  }
  return found;
}
