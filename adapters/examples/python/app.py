"""What omi-agentd calls. The adapter itself is in adapter.py; this file keeps its exceptions from being lost.

An exception that leaves `handle` is a trap: the worker ends, and nobody learns why. So it is caught here, written to the
log, and becomes a `fault`, which ends the worker with a reason.

The top level of every module runs once, when the component is built: what it makes is the start of each worker. The log
cannot be called there.
"""

from typing import List

from wit_world import exports
from wit_world.exports.runtime_adapter import Input, Output, Output_Fault
from wit_world.imports import log
from wit_world.imports.description import Descriptor
from wit_world.imports.session import Failure_Fatal, FailureDetail, Fault

from adapter import LineAdapter

adapter = LineAdapter(log.write)
broken = False


class RuntimeAdapter(exports.RuntimeAdapter):
    """The interface `runtime-adapter` of the contract: componentize-py looks for this name."""

    def describe(self) -> Descriptor:
        try:
            return adapter.describe()
        except Exception as error:
            log.write(log.Level.ERROR, f"describe: {told(error)}")
            raise

    def handle(self, now_ms: int, inputs: List[Input]) -> List[Output]:
        global broken
        # After a fault nothing is said any more: the worker is about to end.
        if broken:
            return []
        try:
            return adapter.handle(now_ms, inputs)
        except Exception as error:
            broken = True
            log.write(log.Level.ERROR, f"handle: {told(error)}")
            return [fault(error)]


def told(error: Exception) -> str:
    """The log is for the author, and is not kept. The innermost calls say where it was.

    The module `traceback` would look for the source files, and there are none: that is a trap.
    """
    calls = []
    at = error.__traceback__
    while at is not None:
        calls.insert(0, f"{at.tb_frame.f_code.co_name} at {at.tb_frame.f_code.co_filename}:{at.tb_lineno}")
        at = at.tb_next
    return f"{type(error).__name__}: {error} ({', '.join(calls[:5])})"


def fault(error: Exception) -> Output:
    """The fault is kept with the session: the text of an error may hold pieces of a prompt, so it is left out."""
    message = f"an error in the adapter ({type(error).__name__}); the log says which"
    return Output_Fault(Fault(Failure_Fatal(FailureDetail("adapter_error", message, "")), ""))
