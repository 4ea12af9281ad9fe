"""The generated files are what the document asks for, and a change of the document shows."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import TypedDict

HERE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(HERE))

import generate  # noqa: E402 - beside the package, not in it


class Generated(unittest.TestCase):
    def check(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, str(HERE / "generate.py"), "--check", *arguments], capture_output=True, text=True
        )

    def test_the_committed_files_are_up_to_date(self) -> None:
        done = self.check()
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_method_with_a_keyword_for_a_name_can_be_called(self) -> None:
        entry = {"name": "milestone.import", "summary": "", "params": [], "result": {"schema": True}, "x-roles": []}
        made = "class C:\n" + "\n".join(generate.method(entry, "import", "call"))
        compile(made, "made", "exec")
        self.assertIn("def import_(", made)

    def test_another_document_is_noticed(self) -> None:
        document = json.loads(generate.DOCUMENT.read_text(encoding="utf-8"))
        document["methods"][-1]["name"] = "rpc.discovered"
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(document, file)
            file.flush()
            done = self.check("--document", file.name)
        self.assertEqual(done.returncode, 1)
        self.assertIn("methods.py", done.stderr)

    def test_keywords_and_nested_types_become_python(self) -> None:
        fields = {"from": {"type": "integer"}, "to": {"type": "string"}, "import": {"type": "boolean"}}
        space: dict = {"TypedDict": TypedDict}
        exec("\n".join(generate.typed_dict("T", {"properties": fields, "required": ["from", "to"]})), space)
        self.assertEqual(space["T"].__required_keys__, {"from", "to"})
        self.assertEqual(space["T"].__optional_keys__, {"import"})
        self.assertEqual(generate.type_of({"type": ["array", "null"], "items": {"$ref": "#/components/schemas/Path"}}, True),
                         "Optional[Sequence[PathLike]]")  # fmt: skip
        self.assertEqual(generate.type_of({"oneOf": [{"const": "a"}, {"const": "b"}]}), 'Literal["a", "b"]')


if __name__ == "__main__":
    unittest.main()
