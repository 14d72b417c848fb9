//! What `authorize` allows, asks and denies: each rule, and that no sequence of decisions allows what nothing covers.

mod any;

use super::*;
use crate::descriptor::{Capability, GrantRequest};
use crate::id::{GrantId, Ids, RunId, SessionId, WorkerId};

pub(super) const NOW: Timestamp = Timestamp(1_000);

pub(super) fn id<T>(new: impl Fn(&mut Ids<'_>) -> T, bits: u128) -> T {
    new(&mut Ids::new(&mut || bits))
}

/// Writing a file below `src`.
pub(super) fn write(resource: &str) -> Access {
    Access {
        worker: id(WorkerId::new, 1),
        op: 7,
        grant: "workspace".into(),
        capability: Capability::Files,
        operation: "write".into(),
        resource: resource.into(),
        covers: "*".into(),
    }
}

/// The component declares files of any kind, and the registration `claude` binds a folder.
pub(super) fn terms(policy: Policy) -> Terms {
    let declared = GrantRequest {
        name: "workspace".into(),
        capability: Capability::Files,
        operation: "*".into(),
        pattern: "*".into(),
        reason: "to edit".into(),
        optional: true,
    };
    Terms {
        registration: "claude".into(),
        component: "acp".into(),
        digest: "d1".into(),
        declared: Some(declared),
        bound: Some(Capability::Files),
        policy,
        operations: Vec::new(),
        resources: Vec::new(),
    }
}

/// A person's grant for the whole session.
pub(super) fn grant(bits: u128) -> Grant {
    Grant {
        id: id(GrantId::new, bits),
        session: Some(id(SessionId::new, 1)),
        run: None,
        registration: Some("claude".into()),
        name: Some("workspace".into()),
        capability: Some(Capability::Files),
        operation: "write".into(),
        pattern: "*".into(),
        effect: GrantEffect::Allow,
        source: GrantSource::User,
        only: None,
        to: None,
        origin: None,
        expires_at: None,
        revoked_at: None,
    }
}

fn run(bits: u128) -> RunId {
    id(RunId::new, bits)
}

fn decide<'g>(terms: &Terms, grants: &'g [Grant]) -> Verdict<'g> {
    authorize(&write("src/a.rs"), Scope::Run(&run(1)), terms, grants, NOW)
}

fn used(verdict: &Verdict<'_>) -> Option<GrantId> {
    match verdict {
        Verdict::Allow(Allowed::Grant(grant)) => Some(grant.id.clone()),
        Verdict::Allow(Allowed::Policy) | Verdict::Ask | Verdict::Deny(_) => None,
    }
}

fn denial(verdict: Verdict<'_>) -> String {
    match verdict {
        Verdict::Deny(denial) => denial.to_string(),
        Verdict::Allow(_) | Verdict::Ask => panic!("{verdict:?}"),
    }
}

#[test]
fn without_a_grant_the_policy_decides() {
    assert_eq!(decide(&terms(Policy::Allow), &[]), Verdict::Allow(Allowed::Policy));
    assert_eq!(decide(&terms(Policy::Ask), &[]), Verdict::Ask);
    assert!(denial(decide(&terms(Policy::Deny), &[])).contains("`policy = \"ask\"`"));
    assert!(denial(decide(&terms(Policy::Legacy), &[])).contains("legacy_default"));
}

#[test]
fn what_is_not_declared_is_refused_even_where_a_row_and_the_policy_would_allow_it() {
    let everything = Grant::legacy_default(id(GrantId::new, 9), id(SessionId::new, 1), run(1));
    let declares = |change: &dyn Fn(&mut GrantRequest)| {
        let mut terms = terms(Policy::Allow);
        change(terms.declared.as_mut().unwrap());
        denial(decide(&terms, &[everything.clone(), grant(1)]))
    };
    for text in [
        declares(&|request| request.operation = "read".into()),
        declares(&|request| request.capability = Capability::Http),
        declares(&|request| request.pattern = "docs/**".into()),
    ] {
        assert!(
            text.contains("`claude` may not write `src/a.rs`") && text.contains("does not declare"),
            "{text}"
        );
    }
    let nothing = Terms { declared: None, ..terms(Policy::Allow) };
    let Verdict::Deny(denial) = decide(&nothing, &[everything]) else { panic!() };
    assert!(denial.undeclared);
}

#[test]
fn a_refusal_names_the_adapter_the_effect_and_the_line_that_would_allow_it() {
    let unbound = Terms { bound: None, ..terms(Policy::Allow) };
    let text = denial(decide(&unbound, &[grant(1)]));
    assert_eq!(
        text,
        "`claude` may not write `src/a.rs` (grant `workspace`): the registration binds nothing to that grant; \
         hint: set `folder` in `[registrations.claude.grants.workspace]`"
    );
    let narrowed = Terms { operations: vec!["read".into()], ..terms(Policy::Allow) };
    assert!(denial(decide(&narrowed, &[grant(1)])).contains("add it to `operations`"));
    let narrowed = Terms { resources: vec!["docs/**".into()], ..terms(Policy::Allow) };
    assert!(denial(decide(&narrowed, &[grant(1)])).contains("add it to `resources`"));
}

#[test]
fn a_policy_of_deny_wins_over_every_grant() {
    assert!(matches!(decide(&terms(Policy::Deny), &[grant(1)]), Verdict::Deny(_)));
}

#[test]
fn a_deny_wins_wherever_it_stands() {
    let deny = |grant: Grant| Grant { effect: GrantEffect::Deny, ..grant };
    let of_run = |grant: Grant| Grant { run: Some(run(1)), ..grant };
    for grants in [
        [grant(1), deny(grant(2))],
        [of_run(grant(1)), deny(grant(2))],
        [grant(1), deny(of_run(grant(2)))],
        [deny(grant(2)), grant(1)],
    ] {
        let text = denial(decide(&terms(Policy::Allow), &grants));
        assert!(text.contains(&format!("grants revoke {}", id(GrantId::new, 2))), "{text}");
    }
}

#[test]
fn the_narrowest_of_what_allows_is_used() {
    let of_component = Grant { session: None, ..grant(1) };
    let of_run = Grant { run: Some(run(1)), ..grant(3) };
    let grants = [of_component, grant(2), of_run];
    let ask = terms(Policy::Ask);
    assert_eq!(used(&decide(&ask, &grants)), Some(id(GrantId::new, 3)));
    assert_eq!(used(&decide(&ask, &grants[..2])), Some(id(GrantId::new, 2)));
    assert_eq!(used(&decide(&ask, &grants[..1])), Some(id(GrantId::new, 1)));
}

#[test]
fn a_grant_of_another_run_registration_name_operation_or_place_covers_nothing() {
    let ask = terms(Policy::Ask);
    let other: [fn(Grant) -> Grant; 6] = [
        |grant| Grant { run: Some(run(2)), ..grant },
        |grant| Grant { registration: Some("codex".into()), ..grant },
        |grant| Grant { name: Some("home".into()), ..grant },
        |grant| Grant { operation: "read".into(), ..grant },
        |grant| Grant { pattern: "docs/**".into(), ..grant },
        |grant| Grant { capability: Some(Capability::Terminal), ..grant },
    ];
    for change in other {
        assert_eq!(decide(&ask, &[change(grant(1))]), Verdict::Ask);
    }
}

#[test]
fn what_expired_or_was_revoked_allows_and_denies_nothing() {
    let ask = terms(Policy::Ask);
    let at = |expires_at| [Grant { expires_at: Some(Timestamp(expires_at)), ..grant(1) }];
    assert!(used(&decide(&ask, &at(NOW.0 + 1))).is_some());
    assert_eq!(decide(&ask, &at(NOW.0)), Verdict::Ask);
    let revoked = Grant { revoked_at: Some(Timestamp(5)), ..grant(1) };
    assert_eq!(decide(&ask, std::slice::from_ref(&revoked)), Verdict::Ask);
    let deny = [Grant { effect: GrantEffect::Deny, ..revoked }, grant(2)];
    assert!(used(&decide(&ask, &deny)).is_some());
}

#[test]
fn a_policy_that_was_taken_back_in_a_session_stays_so() {
    let copy = Grant { source: GrantSource::Policy, revoked_at: Some(Timestamp(5)), ..grant(1) };
    let text = denial(decide(&terms(Policy::Allow), std::slice::from_ref(&copy)));
    assert!(text.contains("was revoked"), "{text}");
    assert!(used(&decide(&terms(Policy::Allow), &[copy, grant(2)])).is_some(), "a person allowed it since");
}

#[test]
fn what_a_person_granted_to_a_component_no_other_has() {
    let to = |component: &str, digest: &str| {
        let declared = terms(Policy::Ask).declared.unwrap();
        let to = GrantedTo { component: component.into(), digest: digest.into(), declared };
        [Grant { to: Some(to), ..grant(1) }]
    };
    let ask = terms(Policy::Ask);
    assert!(used(&decide(&ask, &to("acp", "d1"))).is_some());
    assert!(used(&decide(&ask, &to("acp", "d0"))).is_some(), "another version that asks for the same");
    assert_eq!(decide(&ask, &to("/other.wasm", "d1")), Verdict::Ask, "another component in its place");
    let more = GrantRequest { pattern: "**".into(), ..ask.declared.clone().unwrap() };
    let more = Terms { declared: Some(more), ..terms(Policy::Ask) };
    assert_eq!(decide(&more, &to("acp", "d0")), Verdict::Ask, "another version that asks for more");
}

#[test]
fn what_stands_for_a_policy_ends_with_it() {
    let by_policy = [Grant { source: GrantSource::Policy, ..grant(1) }];
    assert!(used(&decide(&terms(Policy::Allow), &by_policy)).is_some());
    assert_eq!(decide(&terms(Policy::Ask), &by_policy), Verdict::Ask, "the configuration has changed");
    let legacy = [Grant::legacy_default(id(GrantId::new, 9), id(SessionId::new, 1), run(1))];
    assert_eq!(
        decide(&terms(Policy::Ask), &legacy),
        Verdict::Ask,
        "this grant is not under the legacy policy"
    );
}

#[test]
fn one_access_is_allowed_once() {
    let only = OnlyOp { worker: id(WorkerId::new, 1), op: 7 };
    let once = [Grant { only: Some(only), ..grant(1) }];
    let ask = terms(Policy::Ask);
    assert!(used(&decide(&ask, &once)).is_some());
    let scope = Scope::Session;
    let another =
        [Access { op: 8, ..write("src/a.rs") }, Access { worker: id(WorkerId::new, 2), ..write("src/a.rs") }];
    for access in another {
        assert_eq!(authorize(&access, scope, &ask, &once, NOW), Verdict::Ask);
    }
}

#[test]
fn what_a_worker_does_for_itself_no_session_allows() {
    let for_itself = |policy, grants: &[Grant]| {
        let verdict = authorize(&write("src/a.rs"), Scope::Worker, &terms(policy), grants, NOW);
        (matches!(verdict, Verdict::Allow(_)), used(&verdict))
    };
    let of_component = Grant { session: None, ..grant(1) };
    let everything = Grant::legacy_default(id(GrantId::new, 9), id(SessionId::new, 1), run(1));
    assert_eq!(for_itself(Policy::Ask, &[grant(1), everything]), (false, None));
    assert_eq!(for_itself(Policy::Ask, &[of_component]), (true, Some(id(GrantId::new, 1))));
    assert_eq!(for_itself(Policy::Legacy, &[]), (true, None));
}

#[test]
fn a_runs_legacy_grant_is_for_that_run() {
    let legacy = [Grant::legacy_default(id(GrantId::new, 9), id(SessionId::new, 1), run(1))];
    assert!(used(&decide(&terms(Policy::Legacy), &legacy)).is_some());
    let verdict = authorize(&write("a"), Scope::Run(&run(2)), &terms(Policy::Legacy), &legacy, NOW);
    assert!(matches!(verdict, Verdict::Deny(_)));
}

#[test]
fn another_version_is_asked_only_for_what_is_new() {
    let declared = terms(Policy::Ask).declared.unwrap();
    let always = GrantedTo { component: "acp".into(), digest: "d1".into(), declared: declared.clone() };
    let holds_for = |digest: &str, declared: Option<GrantRequest>| {
        always.is(&Terms { digest: digest.into(), declared, ..terms(Policy::Ask) })
    };
    assert!(holds_for("d1", None));
    assert!(holds_for("d2", Some(GrantRequest { reason: "in other words".into(), ..declared.clone() })));
    assert!(!holds_for("d2", Some(GrantRequest { pattern: "src/**".into(), ..declared.clone() })));
    assert!(!holds_for("d2", Some(GrantRequest { operation: "write".into(), ..declared })));
    assert!(!holds_for("d2", None));
}
