"""The adapter without WebAssembly: inputs as the host gives them, outputs as it gets them. README.md says how to run it."""

import unittest

from wit_world.exports import runtime_adapter as wit
from wit_world.imports import effects, session
from wit_world.imports.effects import ChunkEnd

from adapter import LineAdapter

AGENT = 1
SETTINGS = session.BindingSettings("/work", None, None, [], [], 0, "")


class Kit:
    """An adapter that is given one input at a time; `started` if its program is to run, with an open binding."""

    def __init__(self, started=True):
        self.adapter = LineAdapter(lambda level, text: None)
        if started:
            self.start()
            self.send(wit.Input_Spawned(effects.Spawned(AGENT, "")))
            self.send(wit.Input_OpenBinding(session.OpenBinding(1, "ses_1", SETTINGS, "")))

    def send(self, given):
        return self.adapter.handle(0, [given])

    def start(self):
        limits = session.Limits(256, 4096, 1000, 65536, 4194304, 65536, 8, 64, 16, 67108864, "")
        return self.send(wit.Input_Start(session.Start("line", "{}", "0.1.0", [], ["agent"], limits, 1, "")))

    def prompt(self, text):
        return self.execute([session.PromptBlock_Text(text)])

    def execute(self, blocks):
        execute = session.ExecuteAttempt(
            7, 1, "ses_1", "run_1", "att_1", 1, blocks, session.RunMode.ACT, None, [], ""
        )
        return self.send(wit.Input_ExecuteAttempt(execute))

    def say(self, data, end=ChunkEnd.NEWLINE):
        return self.send(wit.Input_Stdout(effects.ProcessOutput(AGENT, data, end, "")))

    def refuse(self, why):
        return self.send(wit.Input_Refused(effects.Refused(AGENT, why, "")))

    def exit(self, code):
        return self.send(wit.Input_Exited(effects.Exited(AGENT, effects.Exit_Code(code), "", "")))


def find(outputs, kind):
    return next(output.value for output in outputs if isinstance(output, kind))


def code(outputs):
    return find(outputs, wit.Output_AttemptFinished).outcome.value.value.code


def text(outputs):
    return find(outputs, wit.Output_AttemptEvent).event.value.text


class LineAdapterTest(unittest.TestCase):
    def test_a_prompt_is_one_line_and_its_answer_is_one_line(self):
        kit = Kit()
        outputs = kit.prompt("hello\nyou")
        self.assertEqual(find(outputs, wit.Output_WriteStdin).parts, [effects.Part_Bytes(b"hello you\n")])
        answered = kit.say(b"hello yourself")
        self.assertEqual(text(answered), "hello yourself")
        self.assertIsInstance(find(answered, wit.Output_AttemptFinished).outcome, session.Outcome_Succeeded)
        self.assertEqual(find(answered, wit.Output_ClearTimer), find(outputs, wit.Output_SetTimer).op)

    def test_a_line_in_pieces_is_whole_whatever_was_cut_and_whatever_is_no_text(self):
        kit = Kit()
        kit.prompt("hello")
        euro = "€".encode()
        self.assertEqual(kit.say(euro[:1], ChunkEnd.SPLIT), [])
        self.assertEqual(kit.say(euro[1:] + b"\xff", ChunkEnd.SPLIT), [])
        self.assertEqual(text(kit.say(b"")), "€\ufffd")

    def test_what_the_host_has_no_room_for_is_written_when_it_has(self):
        kit = Kit()
        kit.prompt("hello")
        progress = wit.Input_StdinProgress(effects.StdinProgress(AGENT, 1, 0, ""))
        self.assertEqual(kit.refuse(effects.Why_WouldBlock()), [])
        self.assertIsInstance(kit.send(progress)[0], wit.Output_WriteStdin)
        self.assertEqual(kit.send(progress), [])

    def test_no_answer_in_time_a_line_too_long_and_the_end_of_the_program_end_the_attempt(self):
        late = Kit()
        timer = wit.Input_Timer(find(late.prompt("hello"), wit.Output_SetTimer).op)
        self.assertEqual(code(late.send(timer)), "timed_out")
        self.assertEqual(late.send(timer), [])
        self.assertEqual(late.say(b"too late"), [])

        long = Kit()
        long.prompt("hello")
        long.say(bytes(5_000_000), ChunkEnd.SPLIT)
        self.assertEqual(code(long.say(b"end")), "line_too_long")

        ended = Kit()
        ended.prompt("hello")
        outputs = ended.exit(3)
        self.assertEqual(code(outputs), "agent_ended")
        self.assertIsInstance(find(outputs, wit.Output_Fault).failure, session.Failure_Retryable)
        self.assertEqual(ended.exit(3), [])
        self.assertEqual(code(ended.prompt("hello")), "agent_ended")

    def test_a_program_that_is_not_started_and_a_prompt_that_is_not_written_are_failures(self):
        kit = Kit(started=False)
        kit.start()
        refused = kit.refuse(effects.Why_Denied("no grant"))
        self.assertEqual(find(refused, wit.Output_Fault).failure.value.code, "spawn_refused")

        running = Kit()
        running.prompt("hello")
        self.assertEqual(code(running.refuse(effects.Why_Failed("no pipe"))), "not_written")
        picture = session.PromptBlock_Image(session.Media("image/png", 1, 3, ""))
        self.assertEqual(code(running.execute([picture])), "prompt_unsupported")

    def test_a_cancellation_claims_nothing_and_a_native_session_is_not_taken_up_again(self):
        kit = Kit()
        kit.prompt("hello")
        answer = kit.send(wit.Input_CancelAttempt(session.CancelAttempt(7, "")))[0].value
        self.assertEqual((answer.dispatched, answer.acknowledged), (False, False))
        resume = wit.Input_ResumeBinding(session.ResumeBinding(2, "ses_1", "line-1", SETTINGS, ""))
        self.assertIsInstance(kit.send(resume)[0].value.failure, session.Failure_Stale)

    def test_what_it_does_not_know_is_ignored_and_nothing_is_started_after_the_stop(self):
        kit = Kit()
        self.assertEqual(kit.adapter.handle(0, []), [])
        self.assertEqual(kit.send(wit.Input_Extension(wit.Extension("other.thing", "{}", ""))), [])
        self.assertEqual(kit.send(wit.Input_Spawned(effects.Spawned(AGENT, ""))), [])
        kit.prompt("hello")
        stopped = kit.send(wit.Input_Stop(session.Stop(session.StopReason.IDLE, 1, "")))
        self.assertEqual(code(stopped), "stopped")
        kinds = [wit.Output_ClearTimer, wit.Output_AttemptFinished, wit.Output_CloseStdin]
        self.assertEqual([type(output) for output in stopped], kinds)
        self.assertEqual(kit.exit(0), [])


if __name__ == "__main__":
    unittest.main()
