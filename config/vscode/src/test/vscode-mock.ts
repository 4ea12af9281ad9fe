// As much of the module `vscode` as the extension uses, with a record of what it asked for.
// Does not: draw. What a real VS Code does with it is not tested here.

import Module = require("node:module");
import { fileURLToPath, pathToFileURL } from "node:url";

export class EventEmitter<T> {
  private readonly listeners = new Set<(value: T) => unknown>();
  readonly event = (listener: (value: T) => unknown): { dispose(): void } => {
    this.listeners.add(listener);
    return { dispose: () => this.listeners.delete(listener) };
  };
  fire(value: T): void {
    for (const listener of [...this.listeners]) {
      listener(value);
    }
  }
  dispose(): void {
    this.listeners.clear();
  }
}

export class Uri {
  constructor(
    readonly scheme: string,
    readonly path: string,
    readonly query = "",
  ) {}
  static file(name: string): Uri {
    return new Uri("file", pathToFileURL(name).pathname);
  }
  static from(parts: { scheme: string; path: string; query?: string }): Uri {
    return new Uri(parts.scheme, parts.path, parts.query);
  }
  get fsPath(): string {
    return fileURLToPath(`file://${this.path}`);
  }
}

class TreeItem {
  constructor(
    readonly label: string,
    readonly collapsibleState: number,
  ) {}
}

class TimelineItem {
  constructor(
    readonly label: string,
    readonly timestamp: number,
  ) {}
}

type Handler = (...args: unknown[]) => unknown;

/** What the test sets and what the extension did. */
export const state = {
  settings: {} as Record<string, unknown>,
  commands: new Map<string, Handler>(),
  executed: [] as { name: string; args: unknown[] }[],
  messages: [] as { level: string; text: string }[],
  answer: undefined as string | undefined,
  pick: ((items: { label: string }[]) => items[0]) as (items: any[]) => unknown,
  input: undefined as string | undefined,
  item: { text: "", tooltip: "", visible: false, show() { this.visible = true; }, hide() { this.visible = false; }, dispose() {} } as any,
  tree: undefined as any,
  treeView: {} as any,
  contents: undefined as any,
  timeline: undefined as any,
  hasTimeline: true,
};

const activeEditor = new EventEmitter<unknown>();
const configuration = new EventEmitter<{ affectsConfiguration(name: string): boolean }>();
const message = (level: string) => (text: string) => {
  state.messages.push({ level, text });
  return Promise.resolve(level === "warning" ? state.answer : undefined);
};

const vscode = {
  EventEmitter,
  Uri,
  TreeItem,
  TimelineItem,
  TreeItemCollapsibleState: { None: 0 },
  StatusBarAlignment: { Left: 1, Right: 2 },
  ThemeIcon: class {
    constructor(readonly id: string) {}
  },
  commands: {
    registerCommand(name: string, handler: Handler) {
      state.commands.set(name, handler);
      return { dispose: () => state.commands.delete(name) };
    },
    executeCommand(name: string, ...args: unknown[]) {
      state.executed.push({ name, args });
      return Promise.resolve();
    },
  },
  window: {
    activeTextEditor: undefined as { document: { uri: Uri } } | undefined,
    onDidChangeActiveTextEditor: activeEditor.event,
    createStatusBarItem: () => state.item,
    createTreeView(_id: string, options: { treeDataProvider: unknown }) {
      state.tree = options.treeDataProvider;
      return Object.assign(state.treeView, { dispose() {} });
    },
    showErrorMessage: message("error"),
    showWarningMessage: message("warning"),
    showInformationMessage: message("information"),
    showQuickPick: (items: unknown[]) => Promise.resolve(state.pick(items)),
    showInputBox: () => Promise.resolve(state.input),
  },
  workspace: {
    isTrusted: true,
    textDocuments: [] as unknown[],
    getConfiguration: () => ({ get: (name: string, otherwise: unknown) => state.settings[name] ?? otherwise }),
    onDidChangeConfiguration: configuration.event,
    registerTextDocumentContentProvider(_scheme: string, provider: unknown) {
      state.contents = provider;
      return { dispose() {} };
    },
    registerTimelineProvider(_id: string, _label: string, _scheme: string, provider: unknown) {
      if (!state.hasTimeline) {
        throw new Error("the extension cannot use the API proposal: timeline");
      }
      state.timeline = provider;
      return { dispose() {} };
    },
  },
};

export const mocked = vscode;

/** Puts a file in front, as the user would. */
export function openFile(name: string | undefined): void {
  vscode.window.activeTextEditor = name === undefined ? undefined : { document: { uri: Uri.file(name) } };
  activeEditor.fire(vscode.window.activeTextEditor);
}

// From here on `require("vscode")` gives the mock.
const loader = Module as unknown as { _load(request: string, ...rest: unknown[]): unknown };
const load = loader._load;
loader._load = function (request, ...rest) {
  return request === "vscode" ? vscode : load.call(this, request, ...rest);
};
