"""The client against a real daemon: roles, methods, errors, contents, changes, events, a restart."""

from __future__ import annotations

import os
import threading
import time
import unittest
from typing import Any, Dict, List

from afterimage import (
    AfterimageError,
    Client,
    Closed,
    Forbidden,
    Invalid,
    NoDaemon,
    NotFound,
    ProtocolError,
    TimedOut,
    UnknownMethod,
    VersionConflict,
    as_bytes,
    as_name,
)
from afterimage.methods import METHODS

from generate import safe

from .daemon import Daemon
from .schema import wrong


class Real(unittest.TestCase):
    """A daemon for each test."""

    def setUp(self) -> None:
        self.daemon = Daemon().__enter__()
        self.addCleanup(self.daemon.stop)
        self.root = str(self.daemon.workspace)

    def client(self, role: str = "editor", **options: Any) -> Client:
        made = Client(role, environ=self.daemon.environ, **options)
        self.addCleanup(made.close)
        return made


class Roles(Real):
    def test_each_role_is_greeted_as_itself(self) -> None:
        for role in ("editor", "agent", "control"):
            self.assertEqual(self.client(role).greeting["role"], role)

    def test_control_needs_the_key(self) -> None:
        environ = {**self.daemon.environ, "AFT_HOME": str(self.daemon.base / "elsewhere")}
        (self.daemon.base / "elsewhere").mkdir()
        with self.assertRaisesRegex(AfterimageError, "proves the right"):
            Client("control", environ=environ)
        (self.daemon.base / "elsewhere" / "control.key").write_bytes(b"k" * 32)
        with self.assertRaises(Forbidden):
            Client("control", environ=environ)

    def test_an_editor_may_only_read(self) -> None:
        with self.assertRaises(Forbidden) as caught:
            self.client().sync(self.root)
        self.assertEqual(caught.exception.kind, "forbidden")
        with self.assertRaises(Forbidden):
            self.client("agent").purge(self.root, "x")

    def test_nobody_there_is_said(self) -> None:
        with self.assertRaises(NoDaemon):
            Client(environ={"AFT_RUNTIME_DIR": str(self.daemon.base)})


class Methods(Real):
    def test_the_daemon_serves_exactly_the_methods_that_were_generated(self) -> None:
        document = self.client().rpc.discover()
        self.assertEqual({one["name"]: tuple(one["x-roles"]) for one in document["methods"]}, METHODS)
        for name in METHODS:
            target: Any = self.client("control")
            for part in name.split("."):
                target = getattr(target, safe(part))
            self.assertTrue(callable(target), name)

    def test_answers_are_what_the_document_says(self) -> None:
        """Every method is called once with all the parameters that it needs, and its answer is held against its schema.
        Where there is no way to succeed here, a refusal with a kind will do."""
        self.daemon.write("a.txt", "one\n")
        self.daemon.write("a.txt", "one\ntwo\n")
        aft = self.client("control")
        document = aft.rpc.discover()
        session = aft.session.start(self.root, "tester", label="walk")["session"]
        given: Dict[str, Any] = {
            "workspace": self.root, "path": "a.txt", "session": session, "operation": 2, "from": 1, "point": 1,
            "agent": "tester", "name": "before", "subscription": "none", "root": self.root, "prefix": "",
        }  # fmt: skip
        extra: Dict[str, Dict[str, Any]] = {
            "diff": {"format": "hunks"}, "operation.show": {"diff": "unified"}, "history.list": {"stat": True},
            "session.show": {"view": "unified", "workspace": self.root}, "edit.begin": {"paths": ["a.txt"]},
            "edit.end": {"session": session, "workspace": self.root}, "turn.end": {"session": session},
            "turn.start": {"session": session}, "undo": {"dry_run": True}, "redo": {"dry_run": True},
            "rollback.apply": {"point": 1}, "workspace.remove": {"dry_run": True}, "purge": {"dry_run": True},
            "store.gc": {"dry_run": True}, "checkpoint.update": {"message": "m"},
        }  # fmt: skip
        last = ["checkpoint.delete", "session.end"]
        names = [one["name"] for one in document["methods"] if one["name"] not in ("daemon.stop", *last)] + last
        described = {one["name"]: one for one in document["methods"]}
        answered: List[str] = []
        for name in names:
            method = described[name]
            params = {one["name"]: given[one["name"]] for one in method["params"] if one["required"] and one["name"] in given}
            params.update(extra.get(name, {}))
            with self.subTest(method=name):
                try:
                    answer = aft.call(name, params)
                except AfterimageError as error:
                    self.assertIsNotNone(getattr(error, "kind", None), error)
                    continue
                answered.append(name)
                found = wrong(answer, method["result"]["schema"], document["components"]["schemas"])
                self.assertEqual(found, [], name)
        self.assertGreaterEqual(len(answered), 35, sorted(set(names) - set(answered)))

    def test_errors_are_exceptions_by_kind(self) -> None:
        aft = self.client("agent")
        with self.assertRaises(NotFound) as caught:
            aft.file.read(self.root, "never.txt")
        self.assertNotIsInstance(caught.exception, UnknownMethod)
        with self.assertRaises(UnknownMethod):
            aft.call("no.such", {})
        with self.assertRaises(Invalid):
            aft.call("history.list", {"workspace": self.root, "nonsense": 1})
        self.daemon.write("a.txt", "one\n")
        with self.assertRaises(VersionConflict):
            aft.undo(self.root, expected_head=99)
        with self.assertRaises(NotFound) as outside:
            aft.workspace.status("/")
        self.assertIn("aft watch", outside.exception.remedy or "")
        with self.assertRaises(ProtocolError):
            aft.call("file.read", {"workspace": self.root, "path": "x" * (1 << 20)})
        aft.history.list(self.root)  # The connection is still good.

    def test_a_way_back_and_forth(self) -> None:
        self.daemon.write("a.txt", "one\n")
        aft = self.client("agent")
        aft.checkpoint.create(self.root, "before", message="one line")
        self.daemon.write("a.txt", "one\ntwo\n")
        plan = aft.rollback.plan(self.root, "before")
        self.assertEqual([one["path"] for one in plan["steps"]], ["a.txt"])
        aft.rollback.apply(self.root, point="before", on_conflict="keep")
        self.assertEqual((self.daemon.workspace / "a.txt").read_text(), "one\n")
        versions = aft.file.history(self.root, "a.txt")["versions"]
        self.assertEqual([one["state"].get("size") for one in versions], [4, 8, 4])

    def test_names_and_contents_that_are_not_utf8(self) -> None:
        name, content = b"caf\xe9.bin", bytes(range(256)) * 4096
        with open(os.path.join(os.fsencode(self.root), name), "wb") as file:
            file.write(content)
        self.daemon.sync()
        aft = self.client()
        listed = aft.tree.list(self.root)["entries"]
        self.assertIn(name, [as_bytes(one["path"]) for one in listed])
        self.assertEqual(aft.read_file(self.root, name), content)
        self.assertEqual(aft.read_file(self.root, as_name(listed[0]["path"])), content)

    def test_pages_are_walked_to_the_end(self) -> None:
        for number in range(7):
            self.daemon.write("a.txt", f"{number}\n")
        aft = self.client()
        pages = list(aft.pages(aft.history.list, self.root, limit=3))
        numbers = [one["operation"] for page in pages for one in page["operations"]]
        self.assertGreaterEqual(len(pages), 3)
        self.assertEqual(numbers, sorted(set(numbers), reverse=True))
        self.assertEqual(numbers[-1], 1)


class Waiting(Real):
    def test_a_poll_with_nothing_new_waits_and_brings_the_next_change(self) -> None:
        aft = self.client()
        changes = aft.changes(self.root)
        next(changes)
        start = time.monotonic()
        writer = threading.Timer(0.3, (self.daemon.workspace / "b.txt").write_text, ("new\n",))
        writer.start()
        self.addCleanup(writer.join)
        answer = next(changes)
        self.assertGreaterEqual(time.monotonic() - start, 0.25)
        self.assertEqual([one["path"] for one in answer["operations"][0]["changes"]], ["b.txt"])
        self.assertFalse(answer["fresh_instance"])

    def test_a_call_that_takes_too_long_is_said_and_the_connection_lives_on(self) -> None:
        aft = self.client(timeout=0.2)
        clock = aft.history.poll(self.root)["clock"]
        with self.assertRaises(TimedOut):
            poll = {"workspace": self.root, "clock": clock, "wait_ms": 400}
            aft._connected().call("history.poll", poll, 0.1)
        # The late answer comes while this one is waited for, and must not be taken for it.
        start = time.monotonic()
        self.assertEqual(aft.history.poll(self.root, clock=clock, wait_ms=900)["operations"], [])
        self.assertGreaterEqual(time.monotonic() - start, 0.85)
        self.assertEqual(aft.workspace.list()["workspaces"][0]["root"], self.root)

    def test_events_come_in_order_with_clocks(self) -> None:
        aft = self.client("agent")
        events = aft.follow(self.root, events=["snapshot:created"], after="", timeout=20)
        self.assertTrue(next(events)["fresh_instance"])
        self.daemon.write("a.txt", "one\n")
        aft.checkpoint.create(self.root, "named")
        seen = [next(events) for _ in range(3)]
        self.assertEqual({one["event"] for one in seen}, {"snapshot:created"})
        self.assertIn("named", [one["payload"].get("checkpoint", one["payload"].get("name")) for one in seen])
        events.close()
        resumed = aft.follow(self.root, events=["snapshot:created"], after=seen[0]["clock"], timeout=20)
        self.assertEqual(next(resumed)["clock"], seen[1]["clock"])
        resumed.close()

    def test_changes_and_events_go_on_after_a_restart(self) -> None:
        self.daemon.write("a.txt", "one\n")
        aft, other = self.client(), self.client()
        changes, events = aft.changes(self.root), other.follow(self.root, events=["snapshot:created"], timeout=30)
        first = next(changes)
        before = aft.greeting["instance"]
        got: List[Any] = []
        waiter = threading.Thread(target=lambda: got.append(next(events)))
        waiter.start()
        self.daemon.run("daemon", "stop")
        with self.assertRaises(Closed):
            self.client_gone(aft)
        self.daemon.run("daemon", "start")
        self.daemon.write("a.txt", "one\ntwo\n")
        answer = next(changes)
        self.assertNotEqual(aft.greeting["instance"], before)
        self.assertGreater(answer["operations"][-1]["operation"], first["operations"][-1]["operation"])
        waiter.join(30)
        self.assertEqual(len(got), 1)

    def client_gone(self, aft: Client) -> None:
        """A call without a second try on a connection whose daemon is gone."""
        aft.history.poll(self.root)


if __name__ == "__main__":
    unittest.main()
