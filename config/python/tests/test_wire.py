"""Names and contents that are not UTF-8, the places of the sockets, and errors by their kind."""

from __future__ import annotations

import os
import unittest
from pathlib import Path

from afterimage import errors, methods, places
from afterimage.errors import AfterimageError, UnknownMethod
from afterimage.wire import as_bytes, as_name, encode


class Wire(unittest.TestCase):
    def test_a_name_that_is_not_utf8_survives_the_way_there_and_back(self) -> None:
        raw = b"caf\xe9.txt"
        self.assertEqual(encode(raw), {"base64": "Y2Fm6S50eHQ="})
        self.assertEqual(encode(os.fsdecode(raw)), {"base64": "Y2Fm6S50eHQ="})
        self.assertEqual(encode([Path("a"), raw]), ["a", {"base64": "Y2Fm6S50eHQ="}])
        self.assertEqual(as_bytes(encode(raw)), raw)
        self.assertEqual(os.fsencode(as_name(encode(raw))), raw)
        self.assertEqual(as_bytes("é"), "é".encode())

    def test_places_follow_the_environment(self) -> None:
        self.assertEqual(places.home({"AFT_HOME": "/a"}), Path("/a"))
        self.assertEqual(places.home({"XDG_STATE_HOME": "/s"}), Path("/s/afterimage"))
        self.assertEqual(places.home({"HOME": "/h"}), Path("/h/.local/state/afterimage"))
        self.assertEqual(places.runtime_dir({"XDG_RUNTIME_DIR": "/r", "AFT_HOME": "/a"}), Path("/r/afterimage"))
        self.assertEqual(places.runtime_dir({"AFT_HOME": "/a"}), Path("/a/run"))
        self.assertEqual(places.runtime_dir({"AFT_RUNTIME_DIR": "/d", "XDG_RUNTIME_DIR": "/r"}), Path("/d"))
        self.assertRaises(AfterimageError, places.home, {"AFT_HOME": "relative"})
        self.assertRaises(AfterimageError, places.home, {})

    def test_every_kind_of_error_has_a_class(self) -> None:
        self.assertEqual(set(errors.BY_KIND), set(methods.ERROR_KINDS))
        for kind, named in errors.BY_KIND.items():
            made = errors.from_answer({"code": methods.ERROR_KINDS[kind], "message": "m", "data": {"kind": kind}})
            self.assertIs(type(made), named)
            self.assertEqual((made.kind, made.message), (kind, "m"))
        unknown = errors.from_answer({"code": -32601, "message": "m", "data": {"kind": "invalid"}})
        self.assertIs(type(unknown), UnknownMethod)
        self.assertIs(type(errors.from_answer({"code": 1, "message": "m", "data": {"kind": "new"}})), errors.RpcError)


if __name__ == "__main__":
    unittest.main()
