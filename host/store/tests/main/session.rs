//! Sessions change, and their native sessions are let go.

use omi_kernel::descriptor::Fidelity;
use omi_kernel::effect::Effect;
use omi_kernel::input::{Begin, Input};
use omi_kernel::model::ModelProfile;
use omi_kernel::refusal::Refusal;
use omi_kernel::request::{Accept, SessionRef};
use omi_kernel::session::{SessionChange, SessionStatus};
use omi_store::Rejected;
use serde_json::json;

use crate::bench::*;

fn to(status: SessionStatus) -> SessionChange {
    SessionChange { status: Some(status), ..SessionChange::default() }
}

#[test]
fn what_is_not_named_stays_as_it_is() {
    let mut bench = Bench::new();
    let mut ask = Accept { title: Some("first".into()), ..asks("r1") };
    ask.input.profile = Some(ModelProfile::Vision);
    let session = bench.accept(ask).session;
    let view = |bench: &Bench| bench.reader().session(None, &session).unwrap().unwrap();
    let before = view(&bench);
    assert_eq!((before.model_profile.as_deref(), &before.metadata), (Some("vision"), &json!({})));
    let metadata = Some(json!({ "color": "red" }));
    bench.take(changes(&session, SessionChange { metadata, ..SessionChange::default() }));
    bench.take(changes(&session, to(SessionStatus::Archived)));
    bench.take(changes(&session, SessionChange { title: Some("second".into()), ..SessionChange::default() }));
    let after = view(&bench);
    assert_eq!((after.title.as_deref(), after.status.as_str()), (Some("second"), "archived"));
    assert_eq!(after.metadata, json!({ "color": "red" }));
    assert!(after.updated_at_ms > before.updated_at_ms);
    assert_eq!(after.last_activity_at_ms, before.last_activity_at_ms, "to rename it is no activity");
}

#[test]
fn a_session_with_a_run_is_not_closed_and_then_its_native_sessions_go() {
    let mut bench = Bench::new();
    let (accepted, begun) = bench.running("r1");
    let close = changes(&accepted.session, to(SessionStatus::Closed));
    let busy = bench.send(close.clone());
    assert!(matches!(busy, Err(Rejected::Refused(Refusal::SessionBusy(_)))), "{busy:?}");
    bench.take(finished(&begun.attempt, well(), "", None));
    let committed = bench.take(close);
    assert!(matches!(&committed.effects[..], [Effect::CloseBinding { .. }]), "{:?}", committed.effects);
    let bindings = bench.reader().bindings(Some(&"ann".into()), &accepted.session).unwrap();
    assert_eq!((bindings.len(), bindings[0].status.as_str()), (1, "closed"));
    assert_eq!(bindings[0].worker_id, None);
}

#[test]
fn native_sessions_are_invalidated_by_the_name_of_their_session() {
    let mut bench = Bench::new();
    let names = SessionRef { external: Some(("chat".into(), "main".into())), ..SessionRef::default() };
    let first = bench.accept(Accept { session: names.clone(), ..asks("r1") });
    let begun = bench.executed(&first.run, "native-1");
    bench.take(finished(&begun.attempt, well(), "", None));
    let bob = Input::InvalidateBindings { owner: "bob".into(), session: names.clone() };
    assert!(matches!(bench.send(bob), Err(Rejected::Refused(Refusal::NotFound { .. }))));
    let invalidate = Input::InvalidateBindings { owner: "ann".into(), session: names.clone() };
    bench.take(invalidate.clone());
    let before = bench.dump();
    bench.take(invalidate);
    assert_eq!(bench.dump(), before, "only what is active can be taken out of use");
    let second = bench.accept(Accept { session: names, ..asks("r2") });
    bench.executed(&second.run, "native-2");
    let bindings = bench.reader().bindings(None, &first.session).unwrap();
    let told: Vec<_> = bindings.iter().map(|one| (one.binding_generation, one.status.as_str())).collect();
    assert_eq!(told, [(2, "active"), (1, "invalid")]);
    assert_eq!(bindings[0].worker_id.as_deref(), Some(worker().as_str()));
    assert_eq!(bindings[0].metadata["componentDigest"], "d1");
    assert_eq!(bench.reader().bindings(Some(&"bob".into()), &first.session).unwrap(), []);
}

#[test]
fn a_worker_that_is_over_holds_nothing_and_loses_what_it_alone_had() {
    let mut bench = Bench::new();
    for (request, fidelity) in [("r1", Fidelity::Native), ("r2", Fidelity::None)] {
        let run = bench.accept(asks(request)).run;
        let begun = bench.begin(&run);
        bench.take(opened(&begun, request, fidelity));
        bench.take(finished(&begun.attempt, well(), "", None));
    }
    let held =
        "SELECT status || ' ' || COALESCE(adapter_instance_id, '-') FROM adapter_bindings ORDER BY rowid";
    let worker_id = worker();
    assert_eq!(bench.column(held), [format!("active {worker_id}"), format!("active {worker_id}")]);
    bench.take(Input::WorkerOver { worker: worker_id.clone(), stop: None });
    assert_eq!(bench.column(held), ["active -", "stale -"]);
    let before = bench.dump();
    bench.take(Input::WorkerOver { worker: worker_id, stop: None });
    assert_eq!(bench.dump(), before);
}

#[test]
fn hashes_that_nobody_recorded_are_filled_in_once() {
    let mut bench = Bench::new();
    let (first, begun) = bench.running("r1");
    bench.take(finished(&begun.attempt, well(), "", None));
    let mut again = |request: &str, mcp: &str, system: &str| {
        let hash = Some(system.to_owned());
        let run = bench.accept(Accept { system_prompt_hash: hash, ..asks_in(&first.session, request) }).run;
        let held = vec![begun.binding.clone()];
        let committed = bench.take(Input::Begin(Begin { mcp_hash: Some(mcp.into()), held, ..begin(&run) }));
        for effect in &committed.effects {
            if let Effect::Execute { execute, .. } = effect {
                bench.take(finished(&execute.attempt, well(), "", None));
            }
        }
        bench.column("SELECT status || ' ' || mcp_hash || ' ' || system_prompt_hash FROM adapter_bindings")
    };
    assert_eq!(again("r2", "mcp-1", "sys-1"), ["active mcp-1 sys-1"]);
    assert_eq!(again("r3", "mcp-1", "sys-1"), ["active mcp-1 sys-1"]);
    assert_eq!(again("r4", "mcp-2", "sys-1"), ["stale mcp-1 sys-1"], "another configuration does not fit");
}

#[test]
fn a_native_session_of_an_earlier_product_is_adopted_unless_another_session_has_it() {
    let mut bench = Bench::new();
    let mut legacy = asks("r1");
    legacy.input.legacy_adapter_session_id = Some("old-1".into());
    let first = bench.accept(legacy.clone());
    let begun = bench.begin(&first.run);
    bench.take(opened(&begun, "old-1", Fidelity::Native));
    let adopted = bench.reader().bindings(None, &first.session).unwrap();
    assert_eq!(adopted[0].adapter_session_id.as_deref(), Some("old-1"));
    assert_eq!((adopted[0].binding_generation, adopted[0].status.as_str()), (1, "active"));

    let second = bench.accept(Accept { request: "r2".into(), ..legacy });
    let committed = bench.take(leased(&second.run));
    let bind = committed.effects.iter().find_map(|effect| match effect {
        Effect::Bind { resume, .. } => Some(resume.clone()),
        _ => None,
    });
    assert_eq!(bind, Some(None), "a new one is made");
    assert_eq!(bench.reader().bindings(None, &second.session).unwrap(), []);
}
