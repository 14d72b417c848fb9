"""An A2A agent on loopback, made with the published `a2a-sdk`: what it does is in the first word of the prompt.

    a2a_server.py [--old-card]

It listens on a port of its own of 127.0.0.1 and says it on standard output: `port 43210`. With `--old-card` its card is
one of version 0.3, and so is what it speaks.

| prompt | what it does |
|---|---|
| `echo WORDS` | a result with the words, and what this context heard before |
| `slow N` | a result of N words, ten each second |
| `steps` | says what it does, makes a file, then answers |
| `ask` | wants input; the answer is in the result |
| `auth` | wants a log-in at a page; any answer is enough |
| `stubborn N` | like `slow N`, and refuses to be cancelled |
| `drop N` | like `slow N`, and its stream is cut after some words |
| `fail` | fails with words |
| `zombie` | works for ever without a word |
"""

import asyncio
import socket
import sys

import uvicorn
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types.a2a_pb2 import AgentCapabilities, AgentCard, AgentInterface, AgentSkill, Part, Task, TaskState, TaskStatus
from a2a.utils.errors import TaskNotCancelableError
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

# Between two words of a slow answer.
PAUSE = 0.1
# Words before a stream is cut.
WORDS_BEFORE_DROP = 5


class Agent(AgentExecutor):
    def __init__(self):
        self.heard = {}
        self.drops = set()

    async def execute(self, context: RequestContext, event_queue) -> None:
        text = context.get_user_input()
        before = self.heard.setdefault(context.context_id, [])
        is_new = context.current_task is None
        if is_new:
            await event_queue.enqueue_event(
                Task(
                    id=context.task_id,
                    context_id=context.context_id,
                    status=TaskStatus(state=TaskState.TASK_STATE_SUBMITTED),
                    history=[context.message],
                )
            )
        updater = TaskUpdater(event_queue, context.task_id, context.context_id)
        await updater.start_work()
        word, _, rest = text.partition(" ")
        say = lambda words: updater.new_agent_message([Part(text=words)])
        if not is_new:
            await updater.add_artifact([Part(text=f"answered: {text}")], artifact_id="out")
            return await updater.complete()
        if word == "echo":
            await updater.add_artifact([Part(text=f"{rest} | before: {', '.join(before)}")], artifact_id="out")
            before.append(rest)
        elif word in ("slow", "stubborn", "drop"):
            for number in range(int(rest)):
                if word == "drop" and number == WORDS_BEFORE_DROP:
                    self.drops.add(context.context_id)
                piece = [Part(text=f"w{number} ")]
                await updater.add_artifact(piece, artifact_id="out", append=number > 0)
                await asyncio.sleep(PAUSE)
        elif word == "steps":
            await updater.update_status(TaskState.TASK_STATE_WORKING, message=say("looking around"))
            file = Part(raw=b"\x00\x01made", filename="made.bin", media_type="application/octet-stream")
            await updater.add_artifact([file], artifact_id="file", name="made")
            return await updater.complete(message=say("all done"))
        elif word == "ask":
            return await updater.requires_input(message=say("Which one?"))
        elif word == "auth":
            return await updater.requires_auth(message=say("Log in at https://agents.example/log-in first."))
        elif word == "fail":
            return await updater.failed(message=say("out of paper"))
        elif word == "zombie":
            await asyncio.Event().wait()
        await updater.complete()

    async def cancel(self, context: RequestContext, event_queue) -> None:
        print("cancel", context.task_id, flush=True)
        if "stubborn" in context.get_user_input() or any(
            part.text.startswith("stubborn") for message in context.current_task.history for part in message.parts
        ):
            raise TaskNotCancelableError(message="it is too late for that")
        await TaskUpdater(event_queue, context.task_id, context.context_id).cancel()


class Dropping:
    """Cuts the connection of a stream whose task asked for that."""

    def __init__(self, app, drops):
        self.app, self.drops = app, drops

    async def __call__(self, scope, receive, send):
        async def passing(message):
            body = message.get("body", b"").decode(errors="replace")
            for context in [one for one in self.drops if one in body]:
                self.drops.discard(context)
                raise ConnectionError("the stream is cut")
            await send(message)

        await self.app(scope, receive, passing)


def card(url: str) -> AgentCard:
    return AgentCard(
        name="scripted",
        version="1.0",
        description="Does what the first word of a prompt says.",
        capabilities=AgentCapabilities(streaming=True),
        supported_interfaces=[AgentInterface(url=url, protocol_binding="JSONRPC", protocol_version="1.0")],
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain"],
        skills=[AgentSkill(id="words", name="words", description="words", tags=["words"])],
    )


def main() -> None:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/rpc"
    agent = Agent()
    handler = DefaultRequestHandler(agent, InMemoryTaskStore(), card(url))
    routes = create_jsonrpc_routes(handler, "/rpc", enable_v0_3_compat=True)
    if "--old-card" in sys.argv:
        old = {"name": "scripted", "version": "1.0", "protocolVersion": "0.3.0", "url": url,
               "preferredTransport": "JSONRPC", "capabilities": {"streaming": True}, "description": "",
               "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"], "skills": []}
        routes.append(Route("/.well-known/agent-card.json", lambda request: JSONResponse(old)))
    else:
        routes.extend(create_agent_card_routes(card(url)))
    app = Dropping(Starlette(routes=routes), agent.drops)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
    print(f"port {listener.getsockname()[1]}", flush=True)
    asyncio.run(server.serve(sockets=[listener]))


if __name__ == "__main__":
    main()
