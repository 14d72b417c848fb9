"""An adapter for a runtime that answers each line with a line.

It starts the program of its grant `agent`, writes each prompt to it as one line, and gives back the one line that comes.
With `command = ["cat"]` the answer is the prompt.

What the contract (wit/v0.1) calls `open-binding` is the class `Input_OpenBinding` here, with the record in `value`; its
field `native-id` is `native_id`, and what may be absent is `None`. An interface of the contract is a module of
`wit_world.imports`. Nothing may wait: no `time.sleep`, no `input`, no thread; ask the host for a timer.
"""

from dataclasses import dataclass
from typing import Callable, List, Optional

from wit_world.exports import runtime_adapter as wit
from wit_world.exports.runtime_adapter import Input, Output
from wit_world.imports import activity, description, effects, log, session
from wit_world.imports.effects import ChunkEnd

# Milliseconds that the runtime may take for one answer.
ANSWER_MS = 30_000
# Bytes of one answer: a longer line is given up before it fills the worker's memory.
LINE_BYTES_MAX = 4 * 1024 * 1024


@dataclass
class Attempt:
    """The attempt that runs."""

    id: int
    # Until it is due.
    timer: Optional[int]
    line: bytes
    is_written: bool = False


class LineAdapter:
    def __init__(self, write_log: Callable[[log.Level, str], None]):
        self.log = write_log
        self.op_count = 0
        self.binding_count = 0
        # "new", "starting", "running", "over": what is known of the process.
        self.state = "new"
        # The op of the process, until it has ended.
        self.agent: Optional[int] = None
        self.is_stopping = False
        self.line = Line()
        self.attempt: Optional[Attempt] = None
        self.outputs: List[Output] = []

    def describe(self) -> description.Descriptor:
        return description.Descriptor(
            adapter_id="line-adapter",
            version="0.1.0",
            title="One line, one answer (Python)",
            protocol="lines",
            capabilities=description.Capabilities(
                resume=description.Fidelity.NONE,
                cancellation=description.Cancellation.UNSUPPORTED,
                restart=description.Restart.BINDINGS_LOST,
                recovery=description.Recovery.HOST,
                pinned_worker=True,
                bindings_per_worker=1,
                attempts_per_worker=1,
                model_switching=False,
                artifacts=False,
                tools=False,
                extra="",
            ),
            grants=[
                description.GrantRequest(
                    name="agent",
                    capability=description.Capability_Process(),
                    operation="spawn",
                    pattern="*",
                    reason="Runs the program that answers.",
                    optional=False,
                    extra="",
                )
            ],
            config_schema="",
            extra="",
        )

    def handle(self, _now_ms: int, inputs: List[Input]) -> List[Output]:
        self.outputs = []
        for taken in inputs:
            self.take(taken)
        return self.outputs

    def take(self, taken: Input) -> None:
        match taken:
            case wit.Input_Start():
                self.start()
            case wit.Input_Spawned(spawned) if spawned.op == self.agent and self.state == "starting":
                self.state = "running"
                self.send(wit.Output_Ready(session.Ready(runtime="", extra="")))
            case wit.Input_OpenBinding(opening):
                self.binding_count += 1
                opened = session.BindingOpened(
                    binding=opening.binding,
                    native_id=f"line-{self.binding_count}",
                    fidelity=description.Fidelity.NONE,
                    effective_mcp=[],
                    model=None,
                    extra="",
                )
                self.send(wit.Output_BindingOpened(opened))
            case wit.Input_ResumeBinding(resuming):
                lost = session.Failure_Stale(detail("not_kept", "a session of lines ends with its worker"))
                self.send(wit.Output_BindingFailed(session.BindingFailed(resuming.binding, lost, "")))
            case wit.Input_ExecuteAttempt(execute):
                self.execute(execute)
            case wit.Input_CancelAttempt(cancel):
                # The runtime cannot be told, so nothing is claimed, and the attempt goes on.
                answer = session.CancelAnswer(
                    attempt=cancel.attempt,
                    dispatched=False,
                    acknowledged=False,
                    message="the program cannot be told to stop",
                    extra="",
                )
                self.send(wit.Output_CancelAnswer(answer))
            case wit.Input_Stdout(output) if output.op == self.agent:
                self.hear(output)
            case wit.Input_StdinProgress(progress) if progress.op == self.agent:
                self.write()
            case wit.Input_Timer(op) if self.attempt is not None and op == self.attempt.timer:
                self.attempt.timer = None
                self.fail("timed_out", f"no answer within {ANSWER_MS // 1000} seconds")
            case wit.Input_Refused(refused):
                self.refused(refused)
            case wit.Input_Exited(exited) if exited.op == self.agent:
                self.exited(exited)
            case wit.Input_Stop():
                self.is_stopping = True
                self.fail("stopped", "the worker was told to stop")
                if self.state == "running":
                    self.send(wit.Output_CloseStdin(effects.CloseStdin(process=self.agent, extra="")))
            case _:
                # Everything else answers what this adapter does not ask, or is about what has ended.
                pass

    def start(self) -> None:
        if self.state != "new":
            return
        self.state = "starting"
        self.agent = self.op()
        spawn = effects.Spawn(
            op=self.agent,
            scope=effects.Scope_Worker(),
            grant="agent",
            command=None,
            args=[],
            env=[],
            cwd=None,
            # Whole lines; 0 means that the host chooses how large a piece of a line may be.
            stdout=effects.Framing_Lines(0),
            extra="",
        )
        self.send(wit.Output_Spawn(spawn))

    def execute(self, execute: session.ExecuteAttempt) -> None:
        if self.attempt is not None:
            self.finish(execute.attempt, failed("busy", "another attempt runs"))
        elif self.state != "running":
            self.finish(execute.attempt, failed("agent_ended", "the program does not run"))
        elif (line := line_of(execute.prompt)) is None:
            unsupported = session.Failure_Fatal(detail("prompt_unsupported", "a line holds nothing but text"))
            self.finish(execute.attempt, session.Outcome_Failed(unsupported))
        else:
            timer = self.op()
            self.attempt = Attempt(execute.attempt, timer, line)
            scope = effects.Scope_Attempt(execute.attempt)
            self.send(wit.Output_SetTimer(effects.SetTimer(op=timer, scope=scope, after_ms=ANSWER_MS, extra="")))
            self.write()

    def write(self) -> None:
        if self.attempt is None or self.attempt.is_written:
            return
        self.attempt.is_written = True
        parts: List[effects.Part] = [effects.Part_Bytes(self.attempt.line)]
        self.send(wit.Output_WriteStdin(effects.WriteStdin(process=self.agent, parts=parts, extra="")))

    def hear(self, output: effects.ProcessOutput) -> None:
        self.line.push(output.data)
        is_end = output.end == ChunkEnd.EOF
        if output.end == ChunkEnd.NEWLINE or (is_end and not self.line.is_empty()):
            self.answer(self.line.take())
        if is_end:
            self.state = "over"
            self.fail("agent_ended", "the program closed its output")

    def answer(self, line: Optional[str]) -> None:
        if self.attempt is None:
            self.log(log.Level.DEBUG, "a line that no prompt waits for is left out")
        elif line is None:
            message = f"the answer is longer than {LINE_BYTES_MAX} bytes"
            self.end(session.Outcome_Failed(session.Failure_Fatal(detail("line_too_long", message))))
        else:
            delta = activity.Event_MessageDelta(activity.MessageDelta(message="answer", text=line, extra=""))
            self.send(wit.Output_AttemptEvent(activity.AttemptEvent(self.attempt.id, delta, "")))
            end = activity.Event_MessageEnd("answer")
            self.send(wit.Output_AttemptEvent(activity.AttemptEvent(self.attempt.id, end, "")))
            self.end(session.Outcome_Succeeded(session.Success(stop_reason="end_turn", extra="")))

    def refused(self, refused: effects.Refused) -> None:
        why = getattr(refused.why, "value", type(refused.why).__name__)
        if refused.op == self.agent and self.state == "starting":
            self.state = "over"
            message = f"the program was not started: {why}"
            self.send(fault(session.Failure_Fatal(detail("spawn_refused", message))))
        elif refused.op == self.agent and self.attempt is not None:
            # For `write-stdin` the op is that of the process. With `would-block`, `stdin-progress` says when to write
            # again.
            self.attempt.is_written = False
            if not isinstance(refused.why, effects.Why_WouldBlock):
                self.fail("not_written", f"the prompt was not written: {why}")
        elif self.attempt is not None and refused.op == self.attempt.timer:
            self.attempt.timer = None
            self.fail("no_timer", f"the time of the answer cannot be limited: {why}")

    def exited(self, exited: effects.Exited) -> None:
        match exited.exit:
            case effects.Exit_Code(code):
                how = f"code {code}"
            case effects.Exit_Signal(signal):
                how = f"signal {signal}"
            case _:
                how = "unknown"
        self.log(log.Level.INFO, f"the program ended ({how}): {exited.stderr_tail}")
        self.state = "over"
        # Its number stands for nothing any more.
        self.agent = None
        self.fail("agent_ended", f"the program ended ({how})")
        if not self.is_stopping:
            self.send(fault(session.Failure_Retryable(detail("agent_ended", f"the program ended ({how})"))))

    def fail(self, code: str, message: str) -> None:
        if self.attempt is not None:
            self.end(failed(code, message))

    def end(self, outcome: session.Outcome) -> None:
        """Ends the attempt that runs."""
        ended, self.attempt = self.attempt, None
        if ended.timer is not None:
            self.send(wit.Output_ClearTimer(ended.timer))
        self.finish(ended.id, outcome)

    def finish(self, attempt: int, outcome: session.Outcome) -> None:
        self.send(wit.Output_AttemptFinished(session.AttemptFinished(attempt, outcome, usage=None, extra="")))

    def send(self, output: Output) -> None:
        self.outputs.append(output)

    def op(self) -> int:
        """The number of a new effect: never used twice within the worker."""
        self.op_count += 1
        return self.op_count


class Line:
    """One line that comes in pieces. It stays bytes until it is whole: a character may be cut in two between pieces."""

    def __init__(self) -> None:
        self.pieces: List[bytes] = []
        self.byte_count = 0

    def is_empty(self) -> bool:
        return self.byte_count == 0

    def push(self, data: bytes) -> None:
        self.byte_count += len(data)
        # The rest of a line that is too long is counted and not kept.
        if self.byte_count > LINE_BYTES_MAX:
            self.pieces = []
        else:
            self.pieces.append(data)

    def take(self) -> Optional[str]:
        """The line, or None if it was too long. What comes next begins a new one."""
        # Bytes that are not UTF-8 become U+FFFD: without "replace" they would be an exception.
        is_too_long = self.byte_count > LINE_BYTES_MAX
        line = None if is_too_long else b"".join(self.pieces).decode(errors="replace")
        self.pieces = []
        self.byte_count = 0
        return line


def line_of(prompt: List[session.PromptBlock]) -> Optional[bytes]:
    """The prompt as one line, its line feeds as blanks, or None where a line cannot say it."""
    texts = []
    for block in prompt:
        match block:
            case session.PromptBlock_Text(text):
                texts.append(text)
            case session.PromptBlock_Link(link):
                texts.append(link.uri)
            case session.PromptBlock_Embedded(embedded):
                texts.append(embedded.text)
            case _:
                return None
    text = " ".join(texts).replace("\r", " ").replace("\n", " ")
    return f"{text}\n".encode()


def detail(code: str, message: str) -> session.FailureDetail:
    return session.FailureDetail(code=code, message=message, extra="")


def failed(code: str, message: str) -> session.Outcome:
    return session.Outcome_Failed(session.Failure_Retryable(detail(code, message)))


def fault(failure: session.Failure) -> Output:
    return wit.Output_Fault(session.Fault(failure, ""))
