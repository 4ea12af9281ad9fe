// The extension as VS Code starts it, over the mock of `vscode` and a real daemon: tree, timeline, diffs, ways back, status.

import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { after, before, test } from "node:test";

import { mocked, openFile, state, Uri } from "./vscode-mock";
import { activate } from "../extension";
import { register } from "../timeline";
import { Daemon, until } from "./daemon";

let daemon: Daemon;
const subscriptions: { dispose(): unknown }[] = [];
const environment = { ...process.env };

const children = (): any[] => state.tree.getChildren();
const run = async (name: string, ...args: unknown[]): Promise<void> => {
  state.executed.length = 0;
  state.messages.length = 0;
  const handler = state.commands.get(`afterimage.${name}`);
  assert.ok(handler, name);
  await handler(...args);
};
const text = (uri: unknown): Promise<string> => state.contents.provideTextDocumentContent(uri);

before(async () => {
  daemon = new Daemon();
  Object.assign(process.env, daemon.env);
  fs.writeFileSync(daemon.file("a.txt"), "one\n");
  daemon.start();
  daemon.write("a.txt", "one\ntwo\n");
  state.settings = { command: daemon.aft };
  openFile(daemon.file("a.txt"));
  activate({ subscriptions } as never);
  await until("the tree", () => children().length === 2);
});

after(() => {
  for (const one of subscriptions) {
    one.dispose();
  }
  process.env = environment;
  daemon.stop();
});

test("every command of package.json is registered, and every registered one is there", () => {
  const manifest = JSON.parse(fs.readFileSync(path.resolve(__dirname, "../../package.json"), "utf8"));
  const declared = manifest.contributes.commands.map((one: { command: string }) => one.command).sort();
  assert.deepEqual([...state.commands.keys()].sort(), declared);
  for (const menu of Object.values<any[]>(manifest.contributes.menus).flat()) {
    assert.ok(declared.includes(menu.command), menu.command);
  }
});

test("the tree has the versions of the file in front, newest first", async () => {
  const items = children().map((one) => state.tree.getTreeItem(one));
  assert.match(items[0].label, /^#2 /);
  assert.match(items[1].label, /^#1 baseline$/);
  assert.equal(items[0].contextValue, "version");
  daemon.write("a.txt", "one\ntwo\nthree\n");
  await until("the new version", () => children().length === 3);
});

test("a version opens what it changed", async () => {
  await run("openChange", children()[1]);
  const call = state.executed[0];
  assert.equal(call?.name, "vscode.diff");
  assert.equal(await text(call?.args[0]), "one\n");
  assert.equal(await text(call?.args[1]), "one\ntwo\n");
  await run("openChange", children().at(-1));
  assert.equal(await text(state.executed[0]?.args[0]), "");
  assert.equal(await text(state.executed[0]?.args[1]), "one\n");
});

test("any point is compared with the file", async () => {
  await run("diffVersion", children().at(-1));
  assert.equal(await text(state.executed[0]?.args[0]), "one\n");
  assert.equal((state.executed[0]?.args[1] as Uri).fsPath, daemon.file("a.txt"));
  state.pick = (items) => items.at(-1);
  state.input = "@-1";
  await run("diff");
  assert.equal(await text(state.executed[0]?.args[0]), "one\ntwo\n");
  state.pick = () => undefined;
  await run("diff");
  assert.deepEqual(state.executed, []);
});

test("the timeline gives the same, in pages, and what its menus call works", async () => {
  const file = Uri.file(daemon.file("a.txt"));
  const first = await state.timeline.provideTimeline(file, { limit: 2 });
  assert.equal(first.items.length, 2);
  const rest = await state.timeline.provideTimeline(file, { limit: 2, cursor: first.cursor });
  assert.equal(rest.items.length, 1);
  assert.equal(rest.cursor, undefined);
  assert.ok(rest.items[0].timestamp <= first.items[0].timestamp);
  await run("openVersion", rest.items[0], file, "afterimage");
  assert.equal(await text(state.executed[0]?.args[0]), "one\n");
  const elsewhere = await state.timeline.provideTimeline(Uri.file("/nowhere/file"), {});
  assert.deepEqual(elsewhere.items, []);
  let told = 0;
  state.timeline.onDidChangeTimeline(() => told++);
  daemon.write("a.txt", "one\ntwo\nthree\nfour\n");
  await until("the timeline to be told", () => told > 0);
  await until("the tree", () => children().length === 4);
});

test("restore asks first, and tells what came of it", async () => {
  const oldest = children().at(-1);
  state.answer = undefined;
  await run("restoreVersion", oldest);
  assert.equal(daemon.read("a.txt"), "one\ntwo\nthree\nfour\n");
  state.answer = "Restore";
  await run("restoreVersion", oldest);
  assert.equal(daemon.read("a.txt"), "one\n");
  assert.match(state.messages.at(-1)?.text ?? "", /restore a\.txt: 1 file, recorded as #\d+/);
  await until("the tree", () => children().length === 5);
});

test("undo takes the last operation back; not in a workspace that is not trusted", async () => {
  state.answer = "Undo";
  mocked.workspace.isTrusted = false;
  await run("undo");
  assert.match(state.messages[0]?.text ?? "", /not trusted/);
  assert.equal(daemon.read("a.txt"), "one\n");
  mocked.workspace.isTrusted = true;
  await run("undo");
  assert.equal(daemon.read("a.txt"), "one\ntwo\nthree\nfour\n");
  assert.ok(state.executed.some((one) => one.name === "workbench.action.files.revert"), "the file in front is read anew");
});

test("an operation in the middle that others build on is refused, and the user is told", async () => {
  state.answer = "Undo";
  daemon.write("m.txt", "one\n");
  daemon.write("m.txt", "two\n");
  daemon.write("m.txt", "three\n");
  openFile(daemon.file("m.txt"));
  await until("its history", () => children().length === 3 && children()[0].file.fsPath === daemon.file("m.txt"));
  await run("undoVersion", children()[1]);
  assert.equal(state.messages.at(-1)?.level, "error");
  assert.match(state.messages.at(-1)?.text ?? "", /refused, nothing was touched/);
  assert.equal(daemon.read("m.txt"), "three\n");
});

test("a document of the history in front keeps the list; a file without history empties it", async () => {
  const before = children().length;
  mocked.window.activeTextEditor = { document: { uri: Uri.from({ scheme: "aft", path: "/m.txt" }) } };
  openFile(undefined);
  assert.equal(children().length, before);
  fs.writeFileSync(path.join(daemon.base, "outside.txt"), "x\n");
  openFile(path.join(daemon.base, "outside.txt"));
  await until("the empty tree", () => children().length === 0);
  await run("diff");
  assert.equal(state.messages[0]?.level, "error");
  assert.match(state.messages[0]?.text ?? "", /aft watch DIR/);
});

test("the status bar has the newest operation, and says when the daemon is gone", async () => {
  openFile(daemon.file("a.txt"));
  await until("the item", () => state.item.visible && /#\d+$/.test(state.item.text));
  daemon.command("daemon", "stop");
  await until("the end", () => state.item.text.endsWith("off"));
  daemon.command("daemon", "start");
  await until("the new daemon", () => /#\d+$/.test(state.item.text));
  state.settings.statusBar = false;
  openFile(daemon.file("m.txt"));
  await until("the item to go", () => !state.item.visible);
});

test("a VS Code that refuses the timeline has the rest", () => {
  state.hasTimeline = false;
  assert.equal(register(undefined as never), undefined);
});
