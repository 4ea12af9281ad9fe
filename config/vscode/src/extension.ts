// Afterimage in VS Code: what is registered, and what follows the file in front.
// Does not: start a daemon.

import * as vscode from "vscode";

import { Actions } from "./actions";
import { Client } from "./client";
import { ContentProvider, SCHEME } from "./content";
import { Follower, News } from "./follow";
import { Model } from "./model";
import { editorSocket } from "./places";
import * as timeline from "./timeline";
import { Tree } from "./tree";

function settings(): vscode.WorkspaceConfiguration {
  return vscode.workspace.getConfiguration("afterimage");
}

/** Follows the workspace of the file in front: the status bar item, the tree and the timeline. */
class Front {
  private follower: Follower | undefined;
  private news: News | undefined;

  constructor(
    private readonly client: Client,
    private readonly model: Model,
    private readonly item: vscode.StatusBarItem,
    private readonly timelineChanged: (file?: vscode.Uri) => void,
  ) {}

  async changed(): Promise<void> {
    const front = vscode.window.activeTextEditor?.document.uri;
    // A panel, or a document of the history itself: the file whose history it is stays.
    if (front && front.scheme !== SCHEME) {
      await this.model.show(front);
    }
    const root = this.model.listing?.place.root;
    if (root && root !== this.follower?.root) {
      this.follow(root);
    }
    this.draw();
  }

  /** Reads anew what is shown, after a way back or when the user asks. */
  async refresh(): Promise<void> {
    this.timelineChanged();
    await this.model.show(this.model.listing?.file ?? vscode.window.activeTextEditor?.document.uri);
    this.draw();
  }

  private follow(root: string): void {
    this.follower?.stop();
    this.news = undefined;
    const follower = new Follower(this.client, root, (news) => {
      if (this.follower === follower) {
        this.told(news);
      }
    });
    this.follower = follower;
    void follower.run();
  }

  private told(news: News): void {
    const back = this.news?.on === false && news.on;
    this.news = news;
    const listing = this.model.listing;
    if (listing && news.on && (back || !news.paths || news.paths.has(listing.place.path))) {
      this.timelineChanged(listing.file);
      void this.model.show(listing.file);
    } else if (!listing && back) {
      void this.changed();
    }
    this.draw();
  }

  draw(): void {
    const shown = settings().get<boolean>("statusBar", true) && this.follower && (this.model.listing || this.news?.on === false);
    if (!shown || !this.news) {
      this.item.hide();
      return;
    }
    this.item.text = this.news.on ? `$(history) #${this.news.head ?? 0}` : "$(history) off";
    this.item.tooltip = this.news.on
      ? `Afterimage: ${this.follower?.root} is at operation ${this.news.head ?? 0}`
      : "Afterimage: the daemon does not answer; `aft daemon start` starts one";
    this.item.show();
  }

  dispose(): void {
    this.follower?.stop();
  }
}

export function activate(extension: vscode.ExtensionContext): void {
  const client = new Client(() => editorSocket(settings().get<string>("runtimeDirectory", ""), process.env));
  const model = new Model(client);
  const tree = vscode.window.createTreeView("afterimage.history", { treeDataProvider: new Tree(model), showCollapseAll: false });
  const item = vscode.window.createStatusBarItem("afterimage.head", vscode.StatusBarAlignment.Right, 50);
  item.name = "Afterimage";
  item.command = "afterimage.show";
  const inTimeline = timeline.register(client);
  const front = new Front(client, model, item, (file) => inTimeline?.changed(file));
  const actions = new Actions(client, () => settings().get<string>("command", "aft"), () => void front.refresh());
  model.onDidChange(() => {
    tree.message = model.problem && model.problem.kind !== "not_found" ? model.problem.message : undefined;
    tree.description = model.listing?.place.path;
  });

  const command = <A extends unknown[]>(name: string, action: (...args: A) => Promise<void>): vscode.Disposable =>
    vscode.commands.registerCommand(`afterimage.${name}`, actions.guard(action));
  extension.subscriptions.push(
    { dispose: () => client.dispose() },
    front,
    model,
    tree,
    item,
    ...(inTimeline ? [inTimeline.disposable] : []),
    vscode.workspace.registerTextDocumentContentProvider(SCHEME, new ContentProvider(client)),
    command("diff", (file?: vscode.Uri, at?: string) => actions.diff(file, at)),
    command("diffVersion", (given: unknown) => actions.diffVersion(given)),
    command("openChange", (given: unknown) => actions.openChange(given)),
    command("openVersion", (given: unknown) => actions.openVersion(given)),
    command("restore", (file?: vscode.Uri) => actions.restore(file)),
    command("restoreVersion", (given: unknown) => actions.restoreVersion(given)),
    command("undo", () => actions.undo()),
    command("undoVersion", (given: unknown) => actions.undoVersion(given)),
    command("more", () => model.more()),
    command("refresh", () => front.refresh()),
    command("show", async () => {
      await vscode.commands.executeCommand("afterimage.history.focus");
    }),
    vscode.window.onDidChangeActiveTextEditor(() => void front.changed()),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("afterimage")) {
        client.reset();
        front.draw();
      }
    }),
  );
  void front.changed();
}

export function deactivate(): void {
  // Everything is among the subscriptions.
}
