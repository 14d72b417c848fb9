//! What adapters want to open: what allows it is found again, as it was recorded.

use omi_kernel::command::NotPerformed;
use omi_kernel::decision::Reply;
use omi_kernel::descriptor::Capability;
use omi_kernel::effect::Effect;
use omi_kernel::grant::{AccessScope, Asked, Grant, GrantEffect, GrantSource, OnlyOp, Policy};
use omi_kernel::id::{AttemptId, GrantId, Ids, SessionId, Timestamp};
use omi_kernel::input::Input;
use omi_kernel::refusal::Refusal;
use omi_kernel::request::Accept;
use omi_kernel::row::HOST_REQUESTS;
use omi_store::{Committed, Rejected, RequestState};

use crate::bench::*;

/// What came of an access.
#[derive(Debug, PartialEq)]
enum Came {
    Performed(Option<Box<Grant>>),
    Denied,
    Asked,
}

fn came(committed: &Committed) -> Came {
    let mut ended = committed.effects.iter().filter_map(|effect| match effect {
        Effect::Perform { grant, .. } => Some(Came::Performed(grant.clone())),
        Effect::Refuse { why: NotPerformed::Denied(_), .. } => Some(Came::Denied),
        _ => None,
    });
    ended.next().unwrap_or(Came::Asked)
}

fn tell(bench: &mut Bench, session: Option<&SessionId>, attempt: &AttemptId, asked: Asked) -> Came {
    came(&bench.take(wants(session, attempt, asked)))
}

/// An access that a person is asked about and answers.
fn answered(bench: &mut Bench, session: Option<&SessionId>, by: &Begun, asked: Asked, answer: &str) -> Came {
    let request = HOST_REQUESTS + asked.access.op;
    assert_eq!(tell(bench, session, &by.attempt, asked), Came::Asked);
    came(&bench.take(chooses(&by.attempt, request, answer)))
}

fn grant(came: Came) -> Grant {
    match came {
        Came::Performed(Some(grant)) => *grant,
        Came::Performed(None) | Came::Denied | Came::Asked => panic!("{came:?}"),
    }
}

fn allowed_by(grant: Grant) -> Came {
    Came::Performed(Some(Box::new(grant)))
}

fn count(bench: &Bench, table: &str) -> usize {
    bench.column(&format!("SELECT 1 FROM {table}")).len()
}

#[test]
fn what_a_policy_allows_is_a_grant_that_is_found_again() {
    let mut bench = Bench::new();
    let (accepted, begun) = bench.running("r1");
    let session = Some(&accepted.session);
    let first = grant(tell(&mut bench, session, &begun.attempt, reads(1, "a.txt", Policy::Allow)));
    assert_eq!((first.source, first.session.as_ref()), (GrantSource::Policy, session));
    let mut bench = bench.reopen();
    let again = tell(&mut bench, session, &begun.attempt, reads(2, "b.txt", Policy::Allow));
    assert_eq!(again, allowed_by(first), "read as it was written");
    assert_eq!(count(&bench, "grants"), 1);
    let decided = "SELECT payload_json ->> 'decision' FROM events WHERE type = 'grant.decided'";
    assert_eq!(bench.column(decided), ["allow", "allow"]);
}

#[test]
fn an_answer_for_once_covers_one_access() {
    let mut bench = Bench::new();
    let (accepted, begun) = bench.running("r1");
    let session = Some(&accepted.session);
    let once = grant(answered(&mut bench, session, &begun, reads(1, "a.txt", Policy::Ask), "once"));
    assert_eq!(once.only, Some(OnlyOp { worker: worker(), op: 1 }));
    assert_eq!((once.run.as_ref(), once.pattern.as_str()), (Some(&accepted.run), "a.txt"));
    let again = tell(&mut bench, session, &begun.attempt, reads(1, "a.txt", Policy::Ask));
    assert_eq!(again, allowed_by(once), "read as it was written");
    let another = tell(&mut bench, session, &begun.attempt, reads(2, "a.txt", Policy::Ask));
    assert_eq!(another, Came::Asked);
}

#[test]
fn an_answer_for_a_session_holds_in_no_other_and_for_no_other_registration() {
    let mut bench = Bench::new();
    let (one, first) = bench.running("r1");
    let (two, second) = bench.running("r2");
    let asked = || reads(1, "a.txt", Policy::Ask);
    let of_session = grant(answered(&mut bench, Some(&one.session), &first, asked(), "session"));
    assert_eq!((of_session.run.as_ref(), of_session.pattern.as_str()), (None, "**"));
    let next = reads(2, "b/c.txt", Policy::Ask);
    let again = tell(&mut bench, Some(&one.session), &first.attempt, next);
    assert_eq!(again, allowed_by(of_session), "read as it was written");
    let mut another = reads(3, "a.txt", Policy::Ask);
    another.terms.registration = "another".into();
    assert_eq!(tell(&mut bench, Some(&one.session), &first.attempt, another), Came::Asked);
    assert_eq!(tell(&mut bench, Some(&two.session), &second.attempt, asked()), Came::Asked);
}

#[test]
fn what_was_denied_in_a_run_is_denied_again_and_may_be_asked_by_the_next() {
    let mut bench = Bench::new();
    let (accepted, begun) = bench.running("r1");
    let session = Some(&accepted.session);
    let asked = |op| reads(op, "a.txt", Policy::Ask);
    assert_eq!(answered(&mut bench, session, &begun, asked(1), "deny"), Came::Denied);
    assert_eq!(bench.column("SELECT effect FROM grants"), ["deny"]);
    assert_eq!(tell(&mut bench, session, &begun.attempt, asked(2)), Came::Denied);
    bench.take(finished(&begun.attempt, well(), "", None));
    let next = bench.accept(asks_in(&accepted.session, "r2"));
    let next = bench.executed(&next.run, "native-r1");
    assert_eq!(tell(&mut bench, session, &next.attempt, asked(3)), Came::Asked);
}

#[test]
fn an_answer_for_good_is_copied_into_each_session_that_uses_it() {
    let mut bench = Bench::new();
    let (one, first) = bench.running("r1");
    let (two, second) = bench.running("r2");
    let asked = |op| reads(op, "a.txt", Policy::Ask);
    let copy = grant(answered(&mut bench, Some(&one.session), &first, asked(1), "always"));
    let of_component = bench.column("SELECT grant_id FROM component_grants").remove(0);
    assert_eq!(copy.origin.as_ref().map(GrantId::as_str), Some(of_component.as_str()));
    let again = tell(&mut bench, Some(&one.session), &first.attempt, asked(2));
    assert_eq!(again, allowed_by(copy.clone()), "no second copy");
    let other = grant(tell(&mut bench, Some(&two.session), &second.attempt, asked(3)));
    assert_eq!((other.session.as_ref(), &other.origin), (Some(&two.session), &copy.origin));
    assert_eq!((count(&bench, "grants"), count(&bench, "component_grants")), (2, 1));

    let mut new = asked(4);
    new.terms.digest = "d2".into();
    let of_worker = Asked { scope: AccessScope::Worker, ..new.clone() };
    let used = grant(tell(&mut bench, None, &second.attempt, of_worker));
    assert_eq!((used.session, used.id.as_str()), (None, of_component.as_str()), "asks for the same");
    new.terms.component = "/opt/another.wasm".into();
    new.scope = AccessScope::Worker;
    assert_eq!(tell(&mut bench, None, &second.attempt, new), Came::Asked, "of another component");
}

#[test]
fn what_a_worker_opens_for_itself_is_recorded_beside_the_sessions() {
    let mut bench = Bench::new();
    let (accepted, begun) = bench.running("r1");
    let asked = |op, policy| Asked { scope: AccessScope::Worker, ..reads(op, "a.txt", policy) };
    let events = bench.events().len();
    assert_eq!(tell(&mut bench, None, &begun.attempt, asked(1, Policy::Allow)), Came::Performed(None));
    assert_eq!(tell(&mut bench, None, &begun.attempt, asked(2, Policy::Deny)), Came::Denied);
    assert_eq!(bench.events().len(), events);
    let used = grant(answered(&mut bench, None, &begun, asked(3, Policy::Ask), "always"));
    assert_eq!((used.session, count(&bench, "grants")), (None, 0));
    assert_eq!(bench.statuses(&accepted.run), ["running", "running"], "it was asked in the run's name");

    let decisions = bench.reader().gate_decisions(9).unwrap();
    let told: Vec<_> = decisions.iter().map(|one| (one.decision.as_str(), one.reason.as_str())).collect();
    assert_eq!((told[0], told[2]), (("allow", "user"), ("allow", "policy")));
    let of = |at: usize| &decisions[at];
    assert_eq!((of(0).grant_id.as_deref(), of(2).grant_id.as_deref()), (Some(used.id.as_str()), None));
    assert_eq!((of(1).kind.as_str(), of(1).decision.as_str()), ("access", "deny"));
    assert_eq!(of(1).access, Some(asked(2, Policy::Deny).access));
    assert_eq!((of(1).component.as_str(), of(1).digest.as_str()), ("/opt/echo.wasm", "d1"));
    assert_eq!(of(1).adapter_id.as_deref(), Some("echo"));
    assert_eq!(bench.reader().gate_decisions(1).unwrap(), decisions[..1]);
}

#[test]
fn a_session_without_an_attempt_has_its_grants() {
    let mut bench = Bench::new();
    let (accepted, begun) = bench.running("r1");
    let session = Some(&accepted.session);
    let asked = |op| reads(op, "a.txt", Policy::Ask);
    let of_session = grant(answered(&mut bench, session, &begun, asked(1), "session"));
    let once = grant(answered(
        &mut bench,
        session,
        &begun,
        {
            let mut one = asked(2);
            one.access.grant.push('2');
            one.terms.declared.as_mut().unwrap().name.push('2');
            one
        },
        "once",
    ));
    let alone = |mut asked: Asked| {
        asked.scope = AccessScope::Binding;
        let Input::AccessAsked(mut input) = wants(session, &begun.attempt, asked) else { panic!() };
        input.attempt = None;
        Input::AccessAsked(input)
    };
    assert_eq!(came(&bench.take(alone(asked(3)))), allowed_by(of_session));
    let mut of_run = asked(2);
    of_run.access.grant = once.name.unwrap();
    assert_eq!(came(&bench.take(alone(of_run))), Came::Denied, "nobody knows a run, and nobody can be asked");
}

#[test]
fn a_run_under_the_legacy_policy_uses_its_own_grant() {
    let mut bench = Bench::new();
    let run = bench.accept(Accept { legacy: vec!["echo".into()], ..asks("r1") });
    let begun = bench.executed(&run.run, "native-r1");
    let asked = |op| reads(op, "a.txt", Policy::Legacy);
    let used = grant(tell(&mut bench, Some(&run.session), &begun.attempt, asked(1)));
    assert_eq!(bench.column("SELECT grant_id FROM grants"), [used.id.as_str()]);
    assert_eq!(used, Grant::legacy_default(used.id.clone(), run.session.clone(), run.run));
    bench.take(finished(&begun.attempt, well(), "", None));
    let next = bench.accept(asks_in(&run.session, "r2"));
    let next = bench.executed(&next.run, "native-r1");
    assert_eq!(tell(&mut bench, Some(&run.session), &next.attempt, asked(2)), Came::Denied, "it has none");
}

#[test]
fn a_grant_that_is_over_allows_nothing() {
    let mut bench = Bench::new();
    let (accepted, begun) = bench.running("r1");
    let session = Some(&accepted.session);
    let asked = |op| reads(op, "a.txt", Policy::Ask);
    let lasting = grant(answered(&mut bench, session, &begun, asked(1), "session"));
    let expires = |at: i64| format!("UPDATE grants SET expires_at_ms = {at}");
    bench.beside().execute_batch(&expires(1001)).unwrap();
    let expiring = Grant { expires_at: Some(Timestamp(1001)), ..lasting };
    assert_eq!(tell(&mut bench, session, &begun.attempt, asked(2)), allowed_by(expiring));
    bench.beside().execute_batch(&expires(1000)).unwrap();
    assert_eq!(tell(&mut bench, session, &begun.attempt, asked(3)), Came::Asked);
}

#[test]
fn what_is_revoked_takes_its_copies_with_it() {
    let mut bench = Bench::new();
    let (one, first) = bench.running("r1");
    let (two, second) = bench.running("r2");
    let asked = |op| reads(op, "a.txt", Policy::Ask);
    let copy = grant(answered(&mut bench, Some(&one.session), &first, asked(1), "always"));
    tell(&mut bench, Some(&two.session), &second.attempt, asked(2));
    let mut writes = asked(3);
    writes.access.operation = "write".into();
    let kept = grant(answered(&mut bench, Some(&two.session), &second, writes, "session"));

    let origin = copy.origin.unwrap();
    let revoked = bench.take(revokes(&origin));
    assert!(matches!(&revoked.effects[..], [Effect::Revoke { grant }] if *grant == origin));
    let live = "SELECT grant_id FROM grants WHERE revoked_at_ms IS NULL";
    assert_eq!(bench.column(live), [kept.id.as_str()]);
    let times = "SELECT DISTINCT revoked_at_ms FROM (SELECT revoked_at_ms FROM component_grants \
                 UNION ALL SELECT revoked_at_ms FROM grants) WHERE revoked_at_ms IS NOT NULL";
    assert_eq!(bench.column(times), [bench.now().0.to_string()]);
    let decisions = bench.reader().gate_decisions(9).unwrap();
    assert_eq!((decisions.len(), decisions[0].decision.as_str()), (1, "revoked"));
    assert_eq!(decisions[0].grant_id.as_deref(), Some(origin.as_str()));
    assert_eq!(tell(&mut bench, Some(&one.session), &first.attempt, asked(4)), Came::Asked);

    let before = bench.dump();
    assert_eq!(bench.take(revokes(&origin)).reply, Reply::Late);
    assert_eq!(bench.dump(), before);
}

#[test]
fn a_copy_that_is_revoked_leaves_the_other_sessions_alone() {
    let mut bench = Bench::new();
    let (one, first) = bench.running("r1");
    let (two, second) = bench.running("r2");
    let asked = |op| reads(op, "a.txt", Policy::Ask);
    let copy = grant(answered(&mut bench, Some(&one.session), &first, asked(1), "always"));
    let other = grant(tell(&mut bench, Some(&two.session), &second.attempt, asked(2)));
    let event = bench.take(revokes(&copy.id)).events.remove(0);
    assert_eq!(
        (event.session_id, event.payload["decision"].as_str()),
        (one.session.clone(), Some("revoked"))
    );
    assert_eq!(tell(&mut bench, Some(&one.session), &first.attempt, asked(3)), Came::Asked);
    let again = tell(&mut bench, Some(&two.session), &second.attempt, asked(4));
    assert_eq!(again, allowed_by(other));
}

#[test]
fn nobody_revokes_what_another_owner_has() {
    let mut bench = Bench::new();
    let (accepted, begun) = bench.running("r1");
    let asked = reads(1, "a.txt", Policy::Allow);
    let policy = grant(tell(&mut bench, Some(&accepted.session), &begun.attempt, asked));
    let before = bench.dump();
    let unknown = GrantId::new(&mut Ids::new(&mut || 0xdead));
    for (owner, grant) in [("bob", &policy.id), ("ann", &unknown)] {
        let revoke = Input::RevokeGrant { owner: owner.into(), grant: grant.clone() };
        let refused = bench.send(revoke);
        assert!(matches!(refused, Err(Rejected::Refused(Refusal::NotFound { .. }))), "{refused:?}");
    }
    assert_eq!(bench.dump(), before);
    bench.take(revokes(&policy.id));
    let asked = reads(2, "a.txt", Policy::Allow);
    assert_eq!(tell(&mut bench, Some(&accepted.session), &begun.attempt, asked), Came::Denied);
}

#[test]
fn what_is_asked_is_listed_with_its_possible_answers() {
    let mut bench = Bench::new();
    let (accepted, begun) = bench.running("r1");
    let asked = reads(1, "a.txt", Policy::Ask);
    tell(&mut bench, Some(&accepted.session), &begun.attempt, asked.clone());
    bench.take(asks_leave(&begun.attempt, 1, omi_kernel::permission::ApprovalPolicy::Ask));
    assert_eq!(bench.statuses(&accepted.run), ["waiting_approval", "waiting_approval"]);
    let open = bench.reader().requests(Some(&"ann".into()), Some(RequestState::Open)).unwrap();
    let kinds: Vec<_> = open.iter().map(|one| (one.kind.as_str(), one.request)).collect();
    assert_eq!(kinds, [("access", HOST_REQUESTS + 1), ("approval", 1)]);
    assert_eq!(open[0].options, ["once", "session", "always", "deny"]);
    assert_eq!(open[0].details["details"], serde_json::json!(asked));
    assert!(open[0].title.as_deref().unwrap().contains("echo"), "{:?}", open[0].title);
    let refused = bench.send(chooses(&begun.attempt, HOST_REQUESTS + 1, "yes"));
    assert!(matches!(refused, Err(Rejected::Refused(Refusal::NoSuchOption { .. }))), "{refused:?}");
    bench.take(allows(&begun.attempt, 1));
    bench.take(chooses(&begun.attempt, HOST_REQUESTS + 1, "once"));
    assert_eq!(bench.reader().requests(None, None).unwrap(), []);
    assert_eq!(bench.statuses(&accepted.run), ["running", "running"]);
}

#[test]
fn a_capability_that_is_called_like_another_one_is_never_recorded_as_that() {
    for word in ["*", "files"] {
        let mut bench = Bench::new();
        let (accepted, begun) = bench.running("r1");
        let mut asked = reads(1, "a.txt", Policy::Allow);
        let other = Capability::Other(word.into());
        asked.access.capability = other.clone();
        asked.terms.declared.as_mut().unwrap().capability = other.clone();
        asked.terms.bound = Some(other);
        let before = bench.dump();
        let refused = bench.send(wants(Some(&accepted.session), &begun.attempt, asked));
        assert!(matches!(refused, Err(Rejected::Conflict(_))), "{refused:?}");
        assert_eq!(bench.dump(), before);
    }
}

#[test]
fn a_denying_grant_is_read_as_one() {
    let mut bench = Bench::new();
    let (accepted, begun) = bench.running("r1");
    let session = Some(&accepted.session);
    let lasting = grant(answered(&mut bench, session, &begun, reads(1, "a.txt", Policy::Ask), "session"));
    assert_eq!(lasting.effect, GrantEffect::Allow);
    bench.beside().execute("UPDATE grants SET effect = 'deny'", []).unwrap();
    assert_eq!(tell(&mut bench, session, &begun.attempt, reads(2, "a.txt", Policy::Allow)), Came::Denied);
}

/// A row that is read and cannot be is an error, so what is damaged shows what was read.
#[test]
fn an_access_reads_no_grant_of_another_run_or_registration() {
    let mut bench = Bench::new();
    let (accepted, begun) = bench.running("r1");
    let session = Some(&accepted.session);
    let (_, other) = bench.running("r2");
    let once = grant(answered(&mut bench, session, &begun, reads(1, "a.txt", Policy::Ask), "once"));
    let mut asked = reads(2, "a.txt", Policy::Ask);
    asked.terms.registration = "another".into();
    answered(&mut bench, session, &begun, asked, "always");
    bench.take(finished(&begun.attempt, well(), "", None));
    let spoil = "UPDATE grants SET constraints_json = '[]'; UPDATE component_grants SET declared_json = '[]'";
    bench.beside().execute_batch(spoil).unwrap();
    let next = bench.accept(asks_in(&accepted.session, "r3"));
    let next = bench.executed(&next.run, "native-r1");
    for (op, attempt) in [(3, &next.attempt), (4, &other.attempt)] {
        let allowed = tell(&mut bench, session, attempt, reads(op, "a.txt", Policy::Allow));
        assert_ne!(grant(allowed).id, once.id);
    }
    let of_run = wants(
        session,
        &begun.attempt,
        Asked { scope: AccessScope::Binding, ..reads(5, "a.txt", Policy::Ask) },
    );
    assert!(bench.batch(&[of_run]).is_err(), "this one is of that run");
}
