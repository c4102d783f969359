"""The Model Context Protocol over HTTP: a desk's tools for other people's agents, one request at a time."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

import anyio.to_thread
import structlog
from fastapi import APIRouter, Request
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)
from pydantic import ValidationError
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from agent.api.deps import KeySpeakerDep
from agent.api.protocols.errors import CODES
from agent.api.protocols.mcp_tools import TOOLS
from agent.errors import AgentError

log = structlog.get_logger(__name__)
router = APIRouter(
    tags=["protocols"],
    responses={
        202: {"description": "A notification was taken"},
        **{code: {"description": "A JSON-RPC error"} for code in (400, *CODES, 406)},
    },
)
REQUEST = {
    "type": "object",
    "required": ["jsonrpc", "method"],
    "properties": {"jsonrpc": {"const": "2.0"}, "method": {"type": "string"}, "params": {"type": "object"}},
    "examples": [{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}],
}


class _Handled(Response):
    """An answer that the SDK writes itself."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope["app"].state.mcp.handle_request(scope, receive, send)


@router.post(
    "/mcp",
    response_class=_Handled,
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": REQUEST}}}},
)
async def speak(request: Request, speaker: KeySpeakerDep) -> Response:
    """Take a request of an MCP client (streamable HTTP, without sessions). Needs an admin key."""
    request.state.speaker = speaker
    return _Handled()


@asynccontextmanager
async def serving() -> AsyncIterator[StreamableHTTPSessionManager]:
    """Answer MCP clients until the application ends."""
    server: Server[Any] = Server(
        "frostdesk", version=version("frostdesk"), on_list_tools=_list_tools, on_call_tool=_call_tool
    )
    manager = StreamableHTTPSessionManager(server, json_response=True, stateless=True)
    async with manager.run():
        yield manager


async def _list_tools(ctx: Any, params: PaginatedRequestParams | None) -> ListToolsResult:  # noqa: ANN401, ARG001
    return ListToolsResult(
        tools=[
            Tool(
                name=name,
                description=arguments.__doc__,
                input_schema=arguments.model_json_schema(),
                annotations=ToolAnnotations(read_only_hint=name != "escalate", open_world_hint=False),
            )
            for name, (arguments, _) in TOOLS.items()
        ]
    )


async def _call_tool(ctx: Any, params: CallToolRequestParams) -> CallToolResult:  # noqa: ANN401
    if params.name not in TOOLS:
        raise MCPError(INVALID_PARAMS, f"There is no tool '{params.name}'.")
    arguments, tool = TOOLS[params.name]
    service, speaker = ctx.request.app.state.service, ctx.request.state.speaker
    try:
        asked = arguments.model_validate(params.arguments or {})
        told = await anyio.to_thread.run_sync(tool, service, speaker, asked)
    except ValidationError as error:
        first = error.errors()[0]
        return _refused(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}")
    except AgentError as error:
        return _refused(error.sentence)
    except Exception as error:  # noqa: BLE001 - the SDK would log it with what was said
        log.error("tool_failed", tool=params.name, error=type(error).__name__)
        return _refused("Something went wrong here; try again in a moment.")
    return CallToolResult(content=[TextContent(type="text", text=json.dumps(told))], structured_content=told)


def _refused(sentence: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=sentence)], is_error=True)
