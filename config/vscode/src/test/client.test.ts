// The parts without `vscode`, against a real daemon: requests, errors, versions, contents, following, ways back.

import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import { after, before, test } from "node:test";

import { AftError, Client } from "../client";
import { restore, undo } from "../command";
import { Follower, News } from "../follow";
import * as history from "../history";
import { editorSocket } from "../places";
import { age } from "../text";
import { isText, toBytes } from "../wire";
import { Daemon, until } from "./daemon";

let daemon: Daemon;
let client: Client;

before(() => {
  daemon = new Daemon();
  fs.writeFileSync(daemon.file("a.txt"), "one\n");
  daemon.start();
  client = new Client(() => editorSocket("", daemon.env));
});

after(() => {
  client.dispose();
  daemon.stop();
});

const kind = (wanted: string) => (error: unknown) => error instanceof AftError && error.kind === wanted;

test("the socket is found as the daemon's other clients find it", () => {
  assert.equal(editorSocket("/c", { AFT_RUNTIME_DIR: "/d" }), "/c/editor.sock");
  assert.equal(editorSocket("", { AFT_RUNTIME_DIR: "/d", XDG_RUNTIME_DIR: "/r" }), "/d/editor.sock");
  assert.equal(editorSocket("", { XDG_RUNTIME_DIR: "/r", AFT_HOME: "/a" }), "/r/afterimage/editor.sock");
  assert.equal(editorSocket("", { AFT_HOME: "/a" }), "/a/run/editor.sock");
  assert.equal(editorSocket("", { HOME: "/h" }), "/h/.local/state/afterimage/run/editor.sock");
});

test("contents that are not text are known", () => {
  assert.deepEqual([...toBytes({ base64: "Y2Fm6Q==" })], [...Buffer.from([0x63, 0x61, 0x66, 0xe9])]);
  assert.equal(isText(Buffer.from("é\n")), true);
  assert.equal(isText(Buffer.from([0xff, 0xfe])), false);
  assert.equal(isText(Buffer.from("a\0b")), false);
  assert.equal(age("2026-11-22T00:00:00.5Z", Date.parse("2026-11-22T03:10:00Z")), "3h");
});

test("errors have the daemon's kind and remedy", async () => {
  await assert.rejects(client.request("file.read", { workspace: daemon.root, path: "never" }), kind("not_found"));
  await assert.rejects(client.request("sync", { workspace: daemon.root }), kind("forbidden"));
  await assert.rejects(history.placeOf(client, "/nowhere/file"), kind("not_found"));
  const nobody = new Client(() => `${daemon.base}/none.sock`);
  await assert.rejects(nobody.request("workspace.list", {}), kind("no_daemon"));
  nobody.dispose();
  await assert.rejects(nobody.request("workspace.list", {}), kind("closed"));
});

test("a late answer is given up, and the connection lives on", async () => {
  const hasty = new Client(() => editorSocket("", daemon.env), 200);
  const { clock } = await hasty.request<{ clock: string }>("history.poll", { workspace: daemon.root });
  await assert.rejects(hasty.request("history.poll", { workspace: daemon.root, clock, wait_ms: 600 }), kind("timed_out"));
  const late = hasty.request<{ operations: unknown[] }>("history.poll", { workspace: daemon.root, clock, wait_ms: 600 }, 2000);
  assert.deepEqual((await late).operations, []);
  hasty.dispose();
});

test("versions are listed across a rename, and read", async () => {
  daemon.write("a.txt", "one\ntwo\n");
  fs.renameSync(daemon.file("a.txt"), daemon.file("b.txt"));
  daemon.command("sync");
  daemon.write("b.txt", "one\ntwo\nthree\n");
  const place = await history.placeOf(client, daemon.file("b.txt"));
  assert.deepEqual(place, { root: daemon.root, path: "b.txt" });
  const all: history.Version[] = [];
  for (let mark: history.Mark | undefined = place; mark; ) {
    const page: history.Page = await history.versions(client, mark, 1);
    all.push(...page.versions);
    mark = page.next;
  }
  assert.deepEqual(all.map((version) => version.name), ["b.txt", "b.txt", "a.txt", "a.txt"]);
  assert.deepEqual(all.map((version) => version.state.size), [14, 8, 8, 4]);
  const first = all.at(-1);
  assert.ok(first);
  assert.equal((await history.read(client, { root: daemon.root, path: first.name }, first.operation)).bytes.toString(), "one\n");
  const old = await history.before(client, place, all[0]?.operation ?? 0);
  assert.equal(old?.operation, all[1]?.operation);
  assert.equal(await history.before(client, place, first.operation), undefined);
});

test("a large binary file comes whole, in pieces of one state", async () => {
  const bytes = Buffer.alloc(3_000_000, Buffer.from([0, 255, 1, 254, 2]));
  daemon.write("big.bin", bytes);
  const got = await history.read(client, { root: daemon.root, path: "big.bin" }, "@");
  assert.equal(Buffer.compare(got.bytes as Uint8Array, bytes as Uint8Array), 0);
});

test("undo and restore run the command, and tell what came of it", async () => {
  const environment = { ...process.env };
  Object.assign(process.env, daemon.env);
  try {
    daemon.write("c.txt", "one\n");
    daemon.write("c.txt", "two\n");
    const place = { root: daemon.root, path: "c.txt" };
    const back = await undo(daemon.aft, daemon.root);
    assert.equal(back.code, 0, back.message);
    assert.match(back.message, /^undo: 1 file, recorded as #\d+$/);
    assert.equal(daemon.read("c.txt"), "one\n");
    assert.equal((await restore(daemon.aft, place, "@-1")).code, 0);
    assert.equal(daemon.read("c.txt"), "two\n");
    const none = await restore(daemon.aft, place, "no-such-point");
    assert.equal(none.code, 4);
    assert.match(none.message, /not found: .*no-such-point/);
    assert.equal((await undo(`${daemon.base}/no-such-command`, daemon.root)).code, -1);
  } finally {
    process.env = environment;
  }
});

test("following tells what changed, waits at the daemon, and goes on after a restart", async () => {
  const heard: News[] = [];
  const follower = new Follower(client, daemon.root, (news) => heard.push(news), 2_000);
  const running = follower.run();
  await until("the first answer", () => heard.length > 0);
  const head = heard[0]?.head ?? 0;
  daemon.write("d.txt", "new\n");
  await until("the change", () => heard.some((news) => news.paths?.has("d.txt") ?? false));
  assert.ok((heard.at(-1)?.head ?? 0) > head);
  daemon.command("daemon", "stop");
  await until("the end", () => heard.at(-1)?.on === false);
  daemon.command("daemon", "start");
  await until("the new daemon", () => heard.at(-1)?.on === true);
  daemon.write("e.txt", "new\n");
  await until("the next change", () => heard.some((news) => news.paths?.has("e.txt") ?? false));
  follower.stop();
  client.reset();
  await running;
});
