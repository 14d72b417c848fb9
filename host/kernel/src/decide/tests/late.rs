//! What comes too late changes nothing and is counted.

use super::reading::*;
use super::story::*;
use crate::decision::Reply;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::report::Lease;
use crate::status::Status;
use crate::write::Write;

#[test]
fn what_was_held_back_is_counted_wherever_the_attempt_stands() {
    for status in Status::ALL.into_iter().filter(|status| *status != Status::Queued) {
        let decision = Story::at(status).then(&Input::CameLate { attempt: attempt_id(), count: 3 });
        assert_eq!(decision.writes, [Write::CountLate { id: attempt_id(), count: 3 }]);
        assert!(decision.events.is_empty() && decision.effects.is_empty());
        assert_eq!(decision.reply, Reply::Late);
    }
}

#[test]
fn the_process_of_an_attempt_that_is_over_is_not_recorded() {
    let lease = Lease { pid: 42, start_ticks: 7, boot_id: "b1".into() };
    let leased = Input::Leased { attempt: attempt_id(), lease: lease.clone() };
    let decision = Story::at(Status::Running).then(&leased);
    assert_eq!(decision.writes, [Write::RecordLease { id: attempt_id(), lease }]);
    for status in terminal() {
        assert_late(&Story::at(status).then(&leased));
    }
}

#[test]
fn nothing_is_counted_for_an_attempt_that_is_not_there() {
    let missing = Refusal::NotFound { what: "attempt", id: attempt_id().to_string() };
    assert_eq!(Story::nothing().refuses(&Input::CameLate { attempt: attempt_id(), count: 1 }), missing);
}
