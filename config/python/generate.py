#!/usr/bin/env python3
"""Makes `afterimage/methods.py` and `afterimage/types.py` from the OpenRPC document.

    python3 generate.py            writes them
    python3 generate.py --check    exit 1 when they are not what the document asks for

Does not: talk to a daemon. The document is the one that `rpc.discover` answers, as it lies in `docs/reference/`.
"""

from __future__ import annotations

import argparse
import json
import keyword
import re
import sys
import textwrap
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
DOCUMENT = HERE.parent.parent / "docs" / "reference" / "openrpc.json"
MADE = "Made by `generate.py` from the OpenRPC document. Edit the daemon's types, not this file."
REF = "#/components/schemas/"
SCALARS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}


def type_of(schema: Any, given: bool = False) -> str:
    """The Python type of a schema. `given` is for parameters, where names may be `bytes` or path objects."""
    if not isinstance(schema, dict):
        return "Any"
    if "$ref" in schema:
        name = str(schema["$ref"]).removeprefix(REF)
        return {"Path": "PathLike", "Bytes": "PathLike"}.get(name, name) if given else name
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return union([type_of(one, given) for one in schema[several]])
    if "const" in schema:
        return f"Literal[{json.dumps(schema['const'])}]"
    if "enum" in schema:
        return "Literal[" + ", ".join(json.dumps(one) for one in schema["enum"]) + "]"
    kind = schema.get("type")
    if isinstance(kind, list):
        return union([type_of({**schema, "type": one}, given) for one in kind])
    if kind == "null":
        return "None"
    if kind == "array":
        return f"{'Sequence' if given else 'List'}[{type_of(schema.get('items', True), given)}]"
    if kind == "object":
        values = schema.get("additionalProperties")
        if schema.get("properties", {}).keys() == {"base64"}:
            return "Base64"
        return f"Dict[str, {type_of(values, given) if isinstance(values, dict) else 'Any'}]"
    return SCALARS.get(kind or "", "Any")


def union(parts: list[str]) -> str:
    """`Union` or `Optional` of the parts, one `Literal` for all constants."""
    parts = list(dict.fromkeys(parts))
    if "Any" in parts:
        return "Any"
    words = [part[8:-1] for part in parts if part.startswith("Literal[")]
    if words:
        parts = [f"Literal[{', '.join(words)}]"] + [part for part in parts if not part.startswith("Literal[")]
    rest = [part for part in parts if part != "None"]
    inner = rest[0] if len(rest) == 1 else f"Union[{', '.join(rest)}]"
    return f"Optional[{inner}]" if len(rest) < len(parts) else inner


def sentence(text: str | None) -> str:
    """A description as one line that may stand in a docstring."""
    return " ".join((text or "").split()).replace("\\", "\\\\").replace('"""', "'''")


def comment(text: str | None, indent: str) -> list[str]:
    return [f"{indent}# {line}" for line in textwrap.wrap(sentence(text), 100)]


def fields(properties: dict[str, Any]) -> list[str]:
    made: list[str] = []
    for name, schema in properties.items():
        if isinstance(schema, dict):
            made += comment(schema.get("description"), "    ")
        made.append(f"    {name}: {type_of(schema)}")
    return made


def typed_dict(name: str, schema: dict[str, Any]) -> list[str]:
    """A `TypedDict`. Python 3.9 has no `NotRequired`, so that required keys stand in a base class."""
    properties = schema.get("properties", {})
    needed = {key: value for key, value in properties.items() if key in schema.get("required", [])}
    other = {key: value for key, value in properties.items() if key not in needed}
    doc = [f'    """{sentence(schema.get("description")) or name}"""', ""]
    lines: list[str] = []
    base = "TypedDict"
    if any(keyword.iskeyword(key) for key in properties):
        # Such a key cannot be written as a field of a class.
        for part, keys, total in (("Keys", needed, ""), ("More", other, ", total=False")):
            inner = ", ".join(f'"{key}": "{type_of(value)}"' for key, value in keys.items())
            lines += [f'_{name}{part} = TypedDict("_{name}{part}", {{{inner}}}{total})']
        return [*lines, "", "", f"class {name}(_{name}Keys, _{name}More):", *doc[:1]]
    if needed and not other:
        return [f"class {name}(TypedDict):", *doc, *fields(needed)]
    if needed:
        base = f"_{name}Keys"
        lines += [f"class {base}(TypedDict):", *fields(needed), "", ""]
    return lines + [f"class {name}({base}, total=False):", *doc, *fields(other)]


def types_file(document: dict[str, Any]) -> str:
    schemas = document["components"]["schemas"]
    lines = [
        f'"""What the daemon answers, as types: JSON as it came, for a type checker only.\n\n{MADE}\n"""',
        "",
        "from __future__ import annotations",
        "",
        "from typing import Any, Dict, List, Literal, Optional, TypedDict, Union",
        "",
        "",
        "class Base64(TypedDict):",
        '    """Bytes that are not UTF-8. `afterimage.as_bytes` and `afterimage.as_name` read them."""',
        "",
        "    base64: str",
    ]
    aliases: list[str] = []
    dicts: list[str] = []
    for name, schema in schemas.items():
        if name.endswith("Params"):
            continue
        if isinstance(schema, dict) and schema.get("type") == "object":
            dicts += ["", "", *typed_dict(name, schema)]
        else:
            # An alias is made when the module is read; what it names comes later.
            later = re.compile(rf'(?<!")\b({"|".join(schemas)})\b(?!")')
            alias = later.sub(r'"\1"', type_of(schema))
            aliases += ["", *comment(schema.get("description"), ""), f"{name} = {alias}"]
    return "\n".join(lines + [""] + aliases + dicts) + "\n"


def safe(name: str) -> str:
    """A name that Python takes: a keyword gets `_` behind it."""
    return f"{name}_" if keyword.iskeyword(name) else name


def parameter(entry: dict[str, Any]) -> str:
    name = safe(entry["name"])
    kind = type_of(entry["schema"], given=True)
    if entry.get("required"):
        return f"{name}: {kind}"
    kind = kind if kind.startswith("Optional[") or kind == "Any" else f"Optional[{kind}]"
    return f"{name}: {kind} = None"


def method(entry: dict[str, Any], name: str, through: str) -> list[str]:
    needed = sorted((one for one in entry["params"] if one.get("required")), key=lambda one: one["name"] != "workspace")
    other = [one for one in entry["params"] if not one.get("required")]
    signature = ["self", *(parameter(one) for one in needed)]
    if other:
        signature += ["*", *(parameter(one) for one in other)]
    result = type_of(entry["result"]["schema"])
    lines = [f"    def {safe(name)}("]
    lines += [f"        {one}," for one in signature]
    lines += [f"    ) -> {result}:", f'        """{sentence(entry["summary"])}', ""]
    for one in needed + other:
        text = sentence(one["schema"].get("description") if isinstance(one["schema"], dict) else "")
        if text:
            lines += textwrap.wrap(f"{safe(one['name'])}: {text}", 108, initial_indent="        ", subsequent_indent="            ")
    lines += [f"        Sockets: {', '.join(entry['x-roles'])}.", '        """']
    sent = ", ".join(f'"{one["name"]}": {safe(one["name"])}' for one in needed + other)
    call = f'self.{through}("{entry["name"]}", {{{sent}}})'
    lines.append(f"        return {call if result == 'Any' else f'cast({json.dumps(result)}, {call})'}")
    return lines


def class_name(space: str) -> str:
    return f"{space.capitalize()}Methods"


def methods_file(document: dict[str, Any]) -> str:
    spaces: dict[str, list[dict[str, Any]]] = {}
    top: list[dict[str, Any]] = []
    for entry in document["methods"]:
        space, _, name = entry["name"].rpartition(".")
        if "." in space:
            raise SystemExit(f"{entry['name']}: this generator knows one dot in a method's name")
        spaces.setdefault(space, []).append(entry) if space else top.append(entry)
    lines = [
        f'"""Every method of the daemon with its parameters.\n\n{MADE}\n"""',
        "",
        "from __future__ import annotations",
        "",
        "from typing import Any, Callable, Dict, Optional, Sequence, Tuple, Union, cast",
        "",
        "from .types import *  # noqa: F403 - the names of the generated types",
        "from .wire import PathLike",
        "",
        "Caller = Callable[[str, Dict[str, Any]], Any]",
        "",
        "# Every method and the sockets that serve it.",
        "METHODS: Dict[str, Tuple[str, ...]] = {",
        *(
            f'    "{entry["name"]}": ({", ".join(json.dumps(role) for role in entry["x-roles"])},),'
            for entry in document["methods"]
        ),
        "}",
        "",
        "# `data.kind` of an error and its code.",
        "ERROR_KINDS: Dict[str, int] = {",
        *(f'    "{kind}": {error["code"]},' for kind, error in document["components"]["errors"].items()),
        "}",
    ]
    for space, entries in spaces.items():
        lines += ["", "", f"class {class_name(space)}:", f'    """`{space}.*`."""', ""]
        lines += ["    def __init__(self, call: Caller) -> None:", "        self._call = call"]
        for entry in entries:
            lines += ["", *method(entry, entry["name"].rpartition(".")[2], "_call")]
    lines += ["", "", "class Methods:", '    """Every method. The connection gives `call`."""', ""]
    lines += ["    def __init__(self) -> None:"]
    lines += [f"        self.{space} = {class_name(space)}(self.call)" for space in spaces]
    lines += ["", "    def call(self, method: str, params: Optional[Dict[str, Any]] = None) -> Any:"]
    lines += ['        """Calls a method by its name."""', "        raise NotImplementedError"]
    for entry in top:
        lines += ["", *method(entry, entry["name"], "call")]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where something differs")
    parser.add_argument("--document", type=Path, default=DOCUMENT, help="another OpenRPC document")
    arguments = parser.parse_args()
    document = json.loads(arguments.document.read_text(encoding="utf-8"))
    stale = []
    for name, text in (("types.py", types_file(document)), ("methods.py", methods_file(document))):
        path = HERE / "afterimage" / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not arguments.check:
            path.write_text(text, encoding="utf-8")
    if arguments.check and stale:
        print(f"out of date: {', '.join(stale)}; run `python3 config/python/generate.py`", file=sys.stderr)
        return 1
    print(f"{len(document['methods'])} methods: " + (f"wrote {', '.join(stale)}" if stale else "up to date"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
