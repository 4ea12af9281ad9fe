// The view "Afterimage": the versions of the file in front.
// Does not: ask the daemon.

import * as vscode from "vscode";

import { Model } from "./model";
import { Place, Version } from "./history";
import { age, context, details, label, who } from "./text";

/** A version in the tree or in the timeline; what its commands are called with. */
export interface Node {
  version: Version;
  place: Place;
  file: vscode.Uri;
}

export type Element = Node | "more";

export class Tree implements vscode.TreeDataProvider<Element> {
  readonly onDidChangeTreeData: vscode.Event<void>;

  constructor(private readonly model: Model) {
    this.onDidChangeTreeData = model.onDidChange;
  }

  getChildren(element?: Element): Element[] {
    const listing = this.model.listing;
    if (element || !listing) {
      return [];
    }
    const nodes: Element[] = listing.versions.map((version) => ({ version, place: listing.place, file: listing.file }));
    return listing.next ? [...nodes, "more"] : nodes;
  }

  getTreeItem(element: Element): vscode.TreeItem {
    if (element === "more") {
      const item = new vscode.TreeItem("Older versions…", vscode.TreeItemCollapsibleState.None);
      item.command = { command: "afterimage.more", title: "Show Older Versions" };
      return item;
    }
    const { version } = element;
    const item = new vscode.TreeItem(label(version), vscode.TreeItemCollapsibleState.None);
    item.id = `${version.operation}:${version.name}`;
    item.description = `${age(version.time)}  ${who(version)}`;
    item.tooltip = details(version);
    item.contextValue = context(version);
    item.iconPath = new vscode.ThemeIcon(version.author.startsWith("agent:") ? "hubot" : "history");
    item.command = { command: "afterimage.openChange", title: "Show What This Version Changed", arguments: [element] };
    return item;
  }
}
