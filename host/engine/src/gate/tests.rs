//! What the gate lets through, judged by the kernel's rules.

use omi_kernel::descriptor::{Cancellation, Capabilities, Fidelity, Recovery, Restart};
use omi_kernel::grant::{GrantEffect, GrantSource, OnlyOp};
use omi_kernel::id::{GrantId, Ids, WorkerId};

use super::*;
use crate::registration::{BoundFiles, BoundHttp, BoundProcess};

fn request(name: &str, capability: Capability) -> GrantRequest {
    GrantRequest {
        name: name.to_owned(),
        capability,
        operation: "*".to_owned(),
        pattern: "*".to_owned(),
        reason: String::new(),
        optional: false,
    }
}

/// A gate of a component that declares `agent` and `files`; what is bound has this policy.
fn gate(policy: Policy, bound: &[&str]) -> Gate {
    let descriptor = Descriptor {
        adapter_id: "test".into(),
        version: "0.1.0".into(),
        title: "Test".into(),
        protocol: "none".into(),
        capabilities: Capabilities {
            resume: Fidelity::None,
            cancellation: Cancellation::Unsupported,
            restart: Restart::BindingsLost,
            recovery: Recovery::Host,
            pinned_worker: true,
            bindings_per_worker: 1,
            attempts_per_worker: 1,
            model_switching: false,
            artifacts: false,
            tools: false,
        },
        grants: vec![
            request("agent", Capability::Process),
            request("files", Capability::Files),
            request("remote", Capability::Http),
        ],
        config_schema: String::new(),
    };
    let bind = |name: &&str| {
        let bound = match *name {
            "files" => Bound::Files(BoundFiles::default()),
            "remote" => Bound::Http(remote()),
            _ => Bound::Process(BoundProcess::default()),
        };
        ((*name).to_owned(), Binding { bound, policy, operations: Vec::new(), resources: Vec::new() })
    };
    let grants = bound.iter().map(bind).collect();
    let registration = Registration { name: "claude".into(), grants, ..Registration::default() };
    Gate::new(&descriptor, "d1", Arc::new(registration))
}

fn remote() -> BoundHttp {
    BoundHttp {
        origin: "https://agents.example".into(),
        methods: vec!["GET".into()],
        private: false,
        secrets: BTreeMap::new(),
        timeout_ms: 1,
        body_bytes: 1,
    }
}

#[test]
fn an_origin_is_told_where_its_grant_may_be_used() {
    let told = gate(Policy::Ask, &["agent", "files", "remote"]).origins();
    assert_eq!(told, BTreeMap::from([("remote".to_owned(), "https://agents.example".to_owned())]));
    for gate in [gate(Policy::Ask, &["agent"]), gate(Policy::Deny, &["remote"])] {
        assert!(gate.origins().is_empty());
    }
}

fn ids<T>(number: u128, make: impl FnOnce(&mut Ids<'_>) -> T) -> T {
    make(&mut Ids::new(&mut || number))
}

fn asked(gate: &Gate, grant: &str, scope: AccessScope) -> Asked {
    let capability = if grant == "files" { Capability::Files } else { Capability::Process };
    let (operation, resource) = ("spawn".to_owned(), "agent".to_owned());
    let worker = ids(1, WorkerId::new);
    let access = Access {
        worker,
        op: 1,
        grant: grant.into(),
        capability,
        operation,
        covers: resource.clone(),
        resource,
    };
    Asked { scope, access, terms: gate.terms(grant) }
}

fn of_run() -> Behalf {
    Behalf {
        scope: AccessScope::Attempt,
        session: Some(ids(2, SessionId::new)),
        attempt: Some(ids(3, AttemptId::new)),
        run: Some(ids(4, RunId::new)),
    }
}

fn of_binding() -> Behalf {
    Behalf { scope: AccessScope::Binding, attempt: None, run: None, ..of_run() }
}

/// A person's answer for this once, in the name of the run.
fn once() -> Grant {
    let legacy = Grant::legacy_default(ids(5, GrantId::new), ids(2, SessionId::new), ids(4, RunId::new));
    let only = Some(OnlyOp { worker: ids(1, WorkerId::new), op: 1 });
    Grant { source: GrantSource::User, only, ..legacy }
}

fn check(gate: &Gate, behalf: Behalf, grant: Option<Grant>) -> Result<(), Denial> {
    Permit::new(asked(gate, "agent", behalf.scope), behalf, grant).check()
}

#[test]
fn what_no_grant_could_allow_is_refused_before_it_is_asked() {
    let could = |gate: &Gate, grant: &str| Gate::could_open(&asked(gate, grant, AccessScope::Attempt));
    for policy in [Policy::Allow, Policy::Ask, Policy::Legacy] {
        assert_eq!(could(&gate(policy, &["agent"]), "agent"), Ok(()), "{policy:?}");
    }
    assert!(could(&gate(Policy::Deny, &["agent"]), "agent").is_err());
    let not_bound = could(&gate(Policy::Allow, &["secret"]), "agent").unwrap_err();
    assert!(not_bound.to_string().contains("[registrations.claude.grants.agent]") && !not_bound.undeclared);
    assert!(could(&gate(Policy::Allow, &["secret"]), "secret").unwrap_err().undeclared);
}

#[test]
fn an_adapter_is_told_which_grants_it_may_use() {
    assert_eq!(gate(Policy::Ask, &["agent", "secret"]).usable(), ["agent"]);
    assert_eq!(gate(Policy::Allow, &["files", "agent"]).usable(), ["agent", "files"]);
    assert!(gate(Policy::Deny, &["agent"]).usable().is_empty());
    let gate = gate(Policy::Allow, &["agent", "secret"]);
    assert!(gate.bound("agent", &Capability::Process).is_some());
    assert!(
        gate.bound("agent", &Capability::Files).is_none()
            && gate.bound("secret", &Capability::Process).is_none()
    );
}

#[test]
fn a_grant_opens_what_it_was_given_for_and_nothing_else() {
    let gate = gate(Policy::Ask, &["agent"]);
    let deny = |behalf, grant| assert!(check(&gate, behalf, grant).is_err());
    assert_eq!(check(&gate, of_run(), Some(once())), Ok(()));
    assert_eq!(check(&gate, of_binding(), Some(once())), Ok(()), "in the name of the run that was asked");
    deny(Behalf::worker(), Some(once()));
    deny(of_run(), None);
    deny(Behalf { run: Some(ids(9, RunId::new)), ..of_run() }, Some(once()));
    let foreign = Some(ids(9, SessionId::new));
    deny(Behalf { session: foreign.clone(), ..of_run() }, Some(once()));
    deny(Behalf { session: foreign, ..of_binding() }, Some(once()));
    deny(of_run(), Some(Grant { revoked_at: Some(now()), ..once() }));
    deny(of_run(), Some(Grant { expires_at: Some(now()), ..once() }));
    deny(of_run(), Some(Grant { effect: GrantEffect::Deny, ..once() }));
    deny(of_run(), Some(Grant { pattern: "other".into(), ..once() }));
    deny(of_run(), Some(Grant { only: Some(OnlyOp { worker: ids(1, WorkerId::new), op: 2 }), ..once() }));
}

#[test]
fn a_policy_that_allows_needs_no_grant_and_does_not_replace_one() {
    let gate = gate(Policy::Allow, &["agent"]);
    assert_eq!(check(&gate, Behalf::worker(), None), Ok(()));
    let gone = check(&gate, of_run(), Some(Grant { revoked_at: Some(now()), ..once() })).unwrap_err();
    assert!(gone.to_string().contains("revoked"), "{gone}");
}

#[test]
fn a_permit_covers_where_a_redirect_leads_or_does_not() {
    let gate = gate(Policy::Ask, &["agent"]);
    let grant = Grant { pattern: "GET /v1/*".into(), only: None, ..once() };
    let permit = Permit::new(asked(&gate, "agent", AccessScope::Attempt), of_run(), Some(grant));
    assert_eq!(permit.check_resource("GET /v1/b".into()), Ok(()));
    assert!(permit.check_resource("GET /v2/b".into()).is_err());
}
