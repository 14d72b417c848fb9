"""Drives a server with the published client of MCP, in both lifecycles that it knows, and prints what came of it as JSON.

    client.py LIFECYCLE CALLS PROGRAM ARGUMENTS...

LIFECYCLE is `legacy` (it begins with `initialize`) or `auto` (the newest that both know). CALLS is a JSON list of
[tool, arguments]. Printed are the protocol's version, the tools with their schemas, and for each call whether it failed
and its structured answer.
"""

import asyncio
import json
import sys

from mcp import Client, StdioServerParameters


async def main() -> None:
    lifecycle, calls, program, *arguments = sys.argv[1:]
    server = StdioServerParameters(command=program, args=arguments)
    async with Client(server, mode=lifecycle, read_timeout_seconds=60) as client:
        listed = await client.list_tools()
        answers = []
        for name, given in json.loads(calls):
            result = await client.call_tool(name, given)
            answers.append({"tool": name, "failed": result.is_error, "answer": result.structured_content})
        told = {
            "protocol": client.protocol_version,
            "tools": {tool.name: tool.input_schema for tool in listed.tools},
            "calls": answers,
        }
    print(json.dumps(told))


asyncio.run(main())
