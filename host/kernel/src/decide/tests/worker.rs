//! A worker is over, or is to end.

use super::reading::*;
use super::story::*;
use crate::command::StopReason;
use crate::descriptor::Fidelity;
use crate::effect::Effect;
use crate::id::Timestamp;
use crate::input::Input;
use crate::row::Binding;
use crate::write::Write;

const REASONS: [(Option<StopReason>, &str); 4] = [
    (Some(StopReason::Idle), "worker_evicted"),
    (Some(StopReason::Recycle), "worker_recycled"),
    (Some(StopReason::Shutdown), "worker_ended"),
    (None, "worker_ended"),
];

fn over(stop: Option<StopReason>) -> Input {
    Input::WorkerOver { worker: worker_id(), stop }
}

/// A worker that holds one binding of each fidelity.
fn holding() -> Story {
    let fidelities = [Fidelity::Native, Fidelity::None, Fidelity::Reconstructed];
    let mut story = Story::nothing();
    story.facts.bindings = fidelities
        .into_iter()
        .zip([binding_id(), new_binding_id(), binding_id()])
        .map(|(fidelity, id)| Binding { id, fidelity, worker: Some(worker_id()), ..binding() })
        .collect();
    story
}

#[test]
fn only_what_cannot_be_taken_up_without_it_is_lost() {
    for (stop, reason) in REASONS {
        let decision = holding().then(&over(stop));
        assert_eq!(rows(&decision), ["binding active > stale", "bindings released"]);
        let Write::MoveBinding { id, .. } = &decision.writes[0] else { panic!() };
        assert_eq!(*id, new_binding_id());
        assert_eq!(events(&decision), ["binding.stale"]);
        assert_eq!(payload(&decision, "binding.stale")["reason"], reason);
        assert_eq!(decision.events[0].about.run, None, "it is about the session");
    }
}

#[test]
fn one_that_is_still_there_is_stopped_once_that_is_recorded() {
    for (stop, _) in REASONS {
        let decision = holding().then(&over(stop));
        let stops = stop.map(|reason| Effect::StopWorker { worker: worker_id(), reason });
        assert_eq!(decision.effects, Vec::from_iter(stops), "effects follow the commit");
    }
}

#[test]
fn one_that_held_nothing_loses_nothing() {
    let decision = Story::nothing().then(&over(Some(StopReason::Idle)));
    assert!(decision.writes.is_empty() && decision.events.is_empty());
    assert_eq!(effects(&decision), ["stop worker"]);
    assert_nothing(&Story::nothing().then(&over(None)));
}

#[test]
fn old_events_go_as_the_limits_say() {
    let retain = Input::Retain { ended_before: Timestamp(5), events_max: 100 };
    let decision = Story::nothing().then(&retain);
    assert_eq!(decision.writes, [Write::PruneEvents { ended_before: Timestamp(5), events_max: 100 }]);
    assert!(decision.events.is_empty() && decision.effects.is_empty());
}
