//! Cancellation: what pi is told, what counts as proof, and what is said where there is none.

use omi_adapter_sdk::testkit;
use omi_adapter_sdk::{Event, Output};
use serde_json::{Value, json};

use super::script::{Script, message_end, state};

fn aborted_message() -> Value {
    let zero = json!({"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0, "cost": {"total": 0}});
    message_end("half", "aborted", &zero)
}

/// pi answers the last `abort` of these commands.
fn confirms(script: &mut Script, commands: &[Value]) {
    let abort = commands.iter().rfind(|command| command["type"] == "abort").expect("it was aborted");
    script.says(&json!({"id": abort["id"], "type": "response", "command": "abort", "success": true}));
}

#[test]
fn the_answer_to_abort_is_the_proof_and_comes_before_the_end() {
    let mut script = Script::prompted("1.5.2");
    script.says(&json!({"type": "message_start", "message": {"role": "assistant"}}));
    script.send(testkit::cancel(1));
    let commands = script.written();
    assert_eq!(script.commands(), ["clear_queue", "abort"]);
    assert_eq!(script.cancel_answer(), None, "nothing is known yet");
    script.says(&aborted_message());
    script.says(&json!({"type": "agent_settled", "aborted": true}));
    assert_eq!(script.ended(), "goes on", "the proof comes next");
    confirms(&mut script, &commands);
    assert_eq!((script.cancel_answer(), script.ended()), (Some((true, true)), "cancelled".to_owned()));
    let usage = script.out.iter().find_map(|output| match output {
        Output::AttemptFinished(finished) => Some(finished.usage.clone()),
        _ => None,
    });
    assert_eq!(usage, Some(None), "zeros of an aborted message are not a use of nothing");
    script.kit.settled();
}

#[test]
fn an_old_pi_has_no_queue_to_clear_and_its_answer_is_proof_as_well() {
    let mut script = Script::prompted("0.74.2");
    script.send(testkit::cancel(1));
    assert_eq!(script.commands(), ["abort"]);
    let commands = script.written();
    script.says(&aborted_message()).says(&json!({"type": "agent_end"}));
    let looked = script.written();
    confirms(&mut script, &commands);
    assert_eq!((script.cancel_answer(), script.ended()), (Some((true, true)), "cancelled".to_owned()));
    // What it said about the turn comes late.
    script.says(&json!({"id": looked[0]["id"], "type": "response", "success": true, "data": state("s1", 1)}));
    assert_eq!(script.ended(), "goes on");
    script.kit.settled();
}

#[test]
fn open_dialogs_are_answered_before_it_is_aborted() {
    let mut script = Script::prompted("1.5.2");
    script.gate_asks("d1", "t1").asks("d2", "input", json!({"title": "Name?"}));
    script.send(testkit::cancel(1));
    assert_eq!(script.commands(), ["extension_ui_response", "extension_ui_response", "clear_queue", "abort"]);
    assert!(script.written()[..2].iter().all(|answer| answer["cancelled"] == true));
    let withdrawn = script.out.iter().filter(|output| matches!(output, Output::WithdrawRequest(_))).count();
    assert_eq!(withdrawn, 2, "no late answer counts");
    script.asks("d3", "confirm", json!({"title": "Now?"}));
    assert_eq!(script.written()[0]["cancelled"], true, "what comes while it is cancelled is not asked");
}

#[test]
fn an_abort_that_came_before_the_run_is_no_proof_and_is_said_again() {
    let mut script = Script::open_with("{}", "1.5.2");
    script.out = script.kit.execute(1, 1, "do it");
    let prompt = script.last_command()["id"].clone();
    script.send(testkit::cancel(1));
    let first = script.written();
    confirms(&mut script, &first);
    assert_eq!((script.cancel_answer(), script.ended()), (None, "goes on".to_owned()), "it had not begun");
    script.says(
        &json!({"id": prompt, "type": "response", "success": true, "data": {"disposition": "started"}}),
    );
    script.says(&json!({"type": "agent_start"}));
    let second = script.written();
    assert_eq!(script.commands(), ["clear_queue", "abort"]);
    script.says(&json!({"type": "agent_settled", "aborted": true}));
    confirms(&mut script, &second);
    assert_eq!((script.cancel_answer(), script.ended()), (Some((true, true)), "cancelled".to_owned()));
}

#[test]
fn without_an_answer_in_time_it_is_said_that_pi_was_only_told() {
    let mut script = Script::prompted("1.5.2");
    script.send(testkit::cancel(1));
    script.out = script.kit.advance(5_000);
    assert_eq!((script.cancel_answer(), script.ended()), (Some((true, false)), "goes on".to_owned()));
    script.says(&json!({"type": "agent_settled", "aborted": true}));
    assert_eq!((script.cancel_answer(), script.ended()), (None, "cancelled".to_owned()));
    script.kit.settled();
}

#[test]
fn what_pi_never_got_is_not_cancelled_there() {
    let mut script = Script::open_with("{}", "1.5.2");
    script.out = script.kit.execute(1, 1, "do it");
    script.fails("No API key");
    script.send(testkit::cancel(1));
    assert_eq!(script.cancel_answer(), Some((false, false)), "the attempt is over");
}

#[test]
fn a_tool_that_runs_is_over_when_pi_has_stopped() {
    let mut script = Script::prompted("1.5.2");
    script.says(&json!({"type": "tool_execution_start", "toolCallId": "t", "toolName": "bash", "args": {}}));
    script.send(testkit::cancel(1));
    let commands = script.written();
    script.says(&json!({"type": "agent_settled", "aborted": true}));
    confirms(&mut script, &commands);
    assert!(matches!(&script.events()[..], [Event::ToolFailed(failed)] if failed.error.code == "cancelled"));
    assert_eq!(script.ended(), "cancelled");
}

#[test]
fn a_pi_that_ends_while_it_is_cancelled_has_failed_and_did_not_say_that_it_stopped() {
    let mut script = Script::prompted("1.5.2");
    script.send(testkit::cancel(1));
    script.send(testkit::exited(super::script::PI, 143, ""));
    assert_eq!(
        (script.cancel_answer(), script.ended()),
        (Some((true, false)), "retryable pi_exited".to_owned())
    );
}

#[test]
fn every_cancel_has_an_answer() {
    let mut script = Script::prompted("1.5.2");
    script.send(testkit::cancel(1));
    let commands = script.written();
    script.send(testkit::cancel(1));
    assert_eq!((script.cancel_answer(), script.commands()), (Some((true, false)), Vec::new()));
    script.says(&json!({"type": "agent_settled", "aborted": true}));
    confirms(&mut script, &commands);
    assert_eq!((script.cancel_answer(), script.ended()), (Some((true, true)), "cancelled".to_owned()));
    script.send(testkit::cancel(1));
    assert_eq!(script.cancel_answer(), Some((false, false)), "it is over");
}
