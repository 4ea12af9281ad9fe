// The built-in Timeline, where this VS Code has the API for it (stable from 1.145 on). Its types are declared here, since
// the extension runs in older ones too, which have the tree only.
// Does not: draw the tree.

import * as vscode from "vscode";

import { AftError, Client } from "./client";
import { Mark, PAGE, placeOf, versions } from "./history";
import { context, details, label, who } from "./text";
import { Node } from "./tree";

interface TimelineItem {
  id?: string;
  label: string;
  timestamp: number;
  description?: string;
  tooltip?: string;
  contextValue?: string;
  iconPath?: vscode.ThemeIcon;
  command?: vscode.Command;
}

interface Timeline {
  items: TimelineItem[];
  cursor?: string;
}

interface TimelineOptions {
  cursor?: string;
  limit?: number | { timestamp: number };
}

interface TimelineProvider {
  onDidChangeTimeline: vscode.Event<vscode.Uri | undefined>;
  provideTimeline(uri: vscode.Uri, options: TimelineOptions): Promise<Timeline>;
}

type Register = (id: string, label: string, scheme: string, provider: TimelineProvider) => vscode.Disposable;
type ItemClass = new (label: string, timestamp: number) => TimelineItem;

/** An item that a command gets back, with the version it stands for. */
export function nodeOf(item: unknown): Node | undefined {
  const node = (item as { node?: Node } | undefined)?.node;
  return node?.version ? node : undefined;
}

class Provider implements TimelineProvider {
  private readonly emitter = new vscode.EventEmitter<vscode.Uri | undefined>();
  readonly onDidChangeTimeline = this.emitter.event;

  constructor(
    private readonly client: Client,
    private readonly Item: ItemClass,
  ) {}

  changed(file: vscode.Uri | undefined): void {
    this.emitter.fire(file);
  }

  async provideTimeline(uri: vscode.Uri, options: TimelineOptions): Promise<Timeline> {
    try {
      const place = await placeOf(this.client, uri.fsPath);
      const mark: Mark = options.cursor ? (JSON.parse(options.cursor) as Mark) : place;
      const limit = typeof options.limit === "number" && options.limit > 0 ? options.limit : PAGE;
      const page = await versions(this.client, mark, limit);
      const items = page.versions.map((version) => {
        const node: Node = { version, place, file: uri };
        const item: TimelineItem & { node?: Node } = new this.Item(label(version), Date.parse(version.time));
        item.node = node;
        item.id = `${version.operation}:${version.name}`;
        item.description = who(version);
        item.tooltip = details(version);
        item.contextValue = context(version);
        item.iconPath = new vscode.ThemeIcon("history");
        item.command = { command: "afterimage.openChange", title: "Show What This Version Changed", arguments: [node] };
        return item;
      });
      return page.next ? { items, cursor: JSON.stringify(page.next) } : { items };
    } catch (error) {
      if (error instanceof AftError) {
        return { items: [] }; // A file outside of any workspace has no timeline here; that is nothing to complain of.
      }
      throw error;
    }
  }
}

/** Registers the provider. Nothing where this VS Code has no such API. */
export function register(client: Client): { disposable: vscode.Disposable; changed: (file?: vscode.Uri) => void } | undefined {
  const { registerTimelineProvider } = vscode.workspace as unknown as { registerTimelineProvider?: Register };
  const { TimelineItem } = vscode as unknown as { TimelineItem?: ItemClass };
  if (!registerTimelineProvider || !TimelineItem) {
    return undefined;
  }
  const provider = new Provider(client, TimelineItem);
  try {
    const disposable = registerTimelineProvider.call(vscode.workspace, "afterimage", "Afterimage", "file", provider);
    return { disposable, changed: (file) => provider.changed(file) };
  } catch {
    return undefined; // A VS Code in which the API is still a proposal refuses it to extensions.
  }
}
