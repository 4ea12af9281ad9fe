#!/usr/bin/env python3
"""Validates the OpenRPC document by what others wrote: `@open-rpc/schema-utils-js` from npm against the specification's
own meta schema, the package `openrpc` from PyPI, and `jsonschema` for every schema in it.

    python3 validate_openrpc.py [DOCUMENT]

Installs them, by fixed versions, into a temporary directory; exit 1 when one of them finds something wrong. Does not: look
whether the daemon answers what the document says; `tests/test_client.py` does.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Iterator

from generate import DOCUMENT

NPM = ["@open-rpc/schema-utils-js@2.2.1"]
PYPI = ["openrpc==11.1.1", "jsonschema==4.23.0"]
JAVASCRIPT = """
const { validateOpenRPCDocument, parseOpenRPCDocument } = require("@open-rpc/schema-utils-js");
const document = JSON.parse(require("fs").readFileSync(process.argv[2], "utf8"));
const valid = validateOpenRPCDocument(document);
if (valid !== true) { console.error(valid.message); process.exit(1); }
parseOpenRPCDocument(document).then(
  (whole) => console.log(`every reference of ${whole.methods.length} methods resolves`),
  (error) => { console.error(error.message); process.exit(1); },
);
"""
PYTHON = """
import json, sys
from jsonschema import Draft7Validator, Draft202012Validator
from openrpc import OpenRPC
document = json.load(open(sys.argv[1], encoding="utf-8"))
for name, schema in document["components"]["schemas"].items():
    Draft7Validator.check_schema(schema)
    Draft202012Validator.check_schema(schema)
print(f"{len(OpenRPC.model_validate(document).methods)} methods, {len(document['components']['schemas'])} schemas")
"""


def references(value: Any) -> Iterator[str]:
    """Every `$ref` below a value."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def unsaid(document: dict[str, Any]) -> list[str]:
    """What a reader of the document misses although it is valid."""
    missing = []
    for method in document["methods"]:
        if not method.get("summary"):
            missing.append(f"{method['name']}: no summary")
        names = [one["name"] for one in method["params"]]
        if len(set(names)) < len(names):
            missing.append(f"{method['name']}: a parameter stands there twice")
    names = [one["name"] for one in document["methods"]]
    missing += [f"{name}: described twice" for name in sorted(set(names)) if names.count(name) > 1]
    used = {one.rpartition("/")[2] for one in references(document)}
    missing += [f"schema {name}: nothing refers to it" for name in document["components"]["schemas"] if name not in used]
    return missing


def run(what: str, command: list[str], cwd: Path) -> bool:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    print(f"{'ok  ' if done.returncode == 0 else 'FAIL'} {what}: {(done.stdout + done.stderr).strip()[:4000]}")
    return done.returncode == 0


def main() -> int:
    document = Path(sys.argv[1] if len(sys.argv) > 1 else DOCUMENT).resolve()
    with tempfile.TemporaryDirectory(prefix="aft-openrpc-") as made:
        place = Path(made)
        (place / "package.json").write_text('{"private": true}')
        (place / "validate.cjs").write_text(JAVASCRIPT)
        (place / "validate.py").write_text(PYTHON)
        subprocess.run(["npm", "install", "--silent", "--ignore-scripts", *NPM], cwd=place, check=True)
        subprocess.run([sys.executable, "-m", "venv", "venv"], cwd=place, check=True)
        python = str(place / "venv" / "bin" / "python")
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PYPI], cwd=place, check=True)
        good = run("@open-rpc/schema-utils-js", ["node", "validate.cjs", str(document)], place)
        good &= run("openrpc, jsonschema", [python, "validate.py", str(document)], place)
    missing = unsaid(json.loads(document.read_text(encoding="utf-8")))
    for line in missing:
        print(f"FAIL {line}")
    return 0 if good and not missing else 1


if __name__ == "__main__":
    sys.exit(main())
