"""Works through `aft mcp` with the official Python client, in each form of the protocol it has."""

import asyncio
import json
import os
import pathlib
import sys

from mcp import Client, StdioServerParameters

AFT, ROOT = sys.argv[1], pathlib.Path(sys.argv[2])
READS = {"status", "log", "show", "diff", "cat", "blame", "checkpoints", "rollback_plan"}
CHANGES = {"undo", "redo", "rollback_apply", "restore"}


async def work(mode, version):
    server = StdioServerParameters(command=AFT, args=["mcp"], env=dict(os.environ))
    file = ROOT / "greet.py"
    file.write_text("hello\n")
    async with Client(server, mode=mode) as client:
        assert client.protocol_version == version, client.protocol_version
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert READS | CHANGES <= set(tools), sorted(tools)
        for name, tool in tools.items():
            hints = tool.annotations
            assert hints.read_only_hint == (name in READS), name
            assert hints.destructive_hint == (name in CHANGES), name
            assert tool.output_schema, name

        async def call(tool, /, **arguments):
            # The client validates the structured content against the output schema itself.
            result = await client.call_tool(tool, {"workspace": str(ROOT), **arguments})
            assert not result.is_error, (tool, result.content)
            return result.structured_content

        name = f"py-{version}"
        await call("checkpoint", name=name)
        session = (await call("session_start", agent="python"))["session"]
        await call("turn_start", session=session)
        file.write_text("good day\n")
        assert (await call("diff", **{"from": name}))["n_files"] == 1
        ended = await call("turn_end", session=session)
        shown = await call("show", operation=ended["operations"][0])
        assert "+good day" in shown["operation"]["changes"][0]["diff"]
        assert (await call("log", session=session))["operations"]
        plan = await call("rollback_plan", to=name)
        await call("rollback_apply", to=name, plan=plan["plan"])
        assert file.read_text() == "hello\n"
        await call("undo")
        assert file.read_text() == "good day\n"
        await call("redo")
        assert file.read_text() == "hello\n"
        await call("session_end", session=session)
        await call("checkpoints")
        status = await call("status")
        refused = await client.call_tool("status", {"workspace": "/nowhere"})
        assert refused.is_error
        templates = (await client.list_resource_templates()).resource_templates
        assert len(templates) == 3
        uri = f"afterimage://file/{status['workspace']}/{name}/greet.py"
        assert (await client.read_resource(uri)).contents[0].text == "hello\n"
        assert (await client.list_resources()).resources
    print(f"ok: python, {version}")


async def main():
    await work("legacy", "2025-11-25")
    await work("auto", "2026-07-28")


asyncio.run(main())
