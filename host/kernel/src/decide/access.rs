//! An adapter wants to open something. What allows or denies it is recorded before it is opened (ARCHITECTURE §5).

use serde_json::json;

use super::request::brief;
use crate::command::{Answer, NotPerformed};
use crate::decision::{Decision, Reply};
use crate::descriptor::GrantRequest;
use crate::draft::{Draft, about};
use crate::effect::Effect;
use crate::event::{About, EventKind};
use crate::facts::Facts;
use crate::grant::{
    Access, AccessScope, Allowed, Asked, ComponentGrant, Denial, GateDecision, Grant, GrantEffect,
    GrantSource, GrantedTo, OnlyOp, Policy, Scope, Verdict, authorize, literal, shown,
};
use crate::id::{GrantId, Ids, RunId, SessionId};
use crate::input::AccessAsked;
use crate::refusal::Refusal;
use crate::report::{ApprovalOption, OptionKind};
use crate::row::{Attempt, Run};
use crate::status::{Status, Step};
use crate::write::Write;

/// The answer that allows it this once.
const ONCE: &str = "once";
/// The answer that allows it in this session.
const SESSION: &str = "session";
/// The answer that allows it to this component from now on.
const ALWAYS: &str = "always";
/// The answer that denies it.
const DENY: &str = "deny";
/// Characters of what was opened that are recorded: any path, and nearly any command line.
const RECORDED_CHARS_MAX: usize = 4096;
/// Characters of a pattern in the name of an answer.
const OPTION_CHARS_MAX: usize = 80;

pub(super) fn asked(input: &AccessAsked, facts: &Facts, ids: &mut Ids<'_>) -> Result<Decision, Refusal> {
    let Asked { scope, access, terms } = &input.asked;
    let mut draft = Draft::new(ids);
    let asks = facts.run.as_ref().zip(facts.attempt.as_ref());
    let over = |(_, attempt): (&Run, &Attempt)| attempt.status.is_terminal();
    if *scope == AccessScope::Attempt && asks.is_none_or(over) {
        refuse(access, NotPerformed::Cancelled, &mut draft);
        return Ok(draft.reply(Reply::Late));
    }
    let grants = grants(input, facts);
    let place = Place::new(input, facts);
    match authorize(access, place.scope(), terms, &grants, input.at) {
        Verdict::Allow(allowed) => {
            let (grant, source) = place.grant(allowed, &input.asked, &mut draft);
            place.allowed(&input.asked, grant, source, None, &mut draft);
        }
        Verdict::Deny(denial) => place.denied(&input.asked, &denial, &mut draft),
        Verdict::Ask => match asks.filter(|(run, attempt)| may_ask(input, run, attempt, facts)) {
            Some((run, attempt)) => ask(run, attempt, input, facts, &mut draft)?,
            None => place.denied(&input.asked, &Denial::nobody_to_ask(access, terms), &mut draft),
        },
    }
    Ok(draft.done())
}

/// A person can be asked in the name of this attempt: not of one that is to stop or is over, never about another
/// session, and only once under a number.
fn may_ask(input: &AccessAsked, run: &Run, attempt: &Attempt, facts: &Facts) -> bool {
    let own = input.session.as_ref().is_none_or(|session| *session == run.session);
    let stops = attempt.status.is_terminal() || attempt.status == Status::Cancelling;
    input.person && own && !stops && !super::request::is_open(input.request, facts)
}

/// The grants that may be about an access: those of the session, and those of the component as far as they were not
/// copied into it or taken back there.
fn grants(input: &AccessAsked, facts: &Facts) -> Vec<Grant> {
    let of_session = match &input.session {
        Some(_) => facts.grants.clone(),
        None => {
            let run = facts.run.as_ref().map(|run| &run.id);
            facts.grants.iter().filter_map(|grant| against_a_worker(grant, run)).collect()
        }
    };
    let copied =
        |grant: &&ComponentGrant| of_session.iter().any(|copy| copy.origin.as_ref() == Some(&grant.id));
    let of_component = facts.component_grants.iter().filter(|grant| !copied(grant));
    let mut grants: Vec<Grant> = of_component.map(ComponentGrant::grant).collect();
    grants.extend(of_session);
    grants
}

/// What a worker does for itself no session allows. But what the session that it works for denies, or has taken back,
/// it may not do for itself either: else any adapter could choose not to be held to it.
fn against_a_worker(grant: &Grant, run: Option<&RunId>) -> Option<Grant> {
    let counts = grant.effect == GrantEffect::Deny || grant.revoked_at.is_some();
    let of_it = grant.run.is_none() || grant.run.as_ref() == run;
    (counts && of_it).then(|| Grant { session: None, run: None, ..grant.clone() })
}

/// Where a decision is recorded: with a session, and its run if one is known, or beside the events.
struct Place<'f> {
    scope: AccessScope,
    session: Option<&'f SessionId>,
    run: Option<&'f Run>,
    attempt: Option<&'f Attempt>,
}

impl<'f> Place<'f> {
    fn new(input: &'f AccessAsked, facts: &'f Facts) -> Self {
        let session = input.session.as_ref();
        // The worker may have another session's attempt by now.
        let run = facts.run.as_ref().filter(|run| Some(&run.session) == session);
        let attempt = facts.attempt.as_ref().filter(|_| run.is_some());
        Self { scope: input.asked.scope, session, run, attempt }
    }

    /// The place of what a run asked a person.
    fn of_question(asked: &Asked, run: &'f Run, attempt: &'f Attempt) -> Self {
        let session = (asked.scope != AccessScope::Worker).then_some(&run.session);
        Self { scope: asked.scope, session, run: Some(run), attempt: Some(attempt) }
    }

    fn scope(&self) -> Scope<'f> {
        match (self.session, self.run) {
            (None, _) => Scope::Worker,
            (Some(_), Some(run)) => Scope::Run(&run.id),
            (Some(_), None) => Scope::Session,
        }
    }

    /// The grant of the session that allows an access: what holds more widely is copied into it, so that it can be seen
    /// and revoked there.
    fn grant(
        &self,
        allowed: Allowed<'_>,
        asked: &Asked,
        draft: &mut Draft<'_, '_>,
    ) -> (Option<Grant>, GrantSource) {
        let copy = match (allowed, self.session) {
            (Allowed::Grant(grant), session) if grant.session.is_some() || session.is_none() => {
                return (Some(grant.clone()), grant.source);
            }
            (Allowed::Policy, None) => return (None, by_policy(asked)),
            (Allowed::Grant(grant), session) => Grant {
                id: GrantId::new(draft.ids),
                session: session.cloned(),
                origin: Some(grant.id.clone()),
                ..grant.clone()
            },
            (Allowed::Policy, session) => Grant {
                session: session.cloned(),
                source: GrantSource::Policy,
                // Whatever the registration names: its policy is for the name.
                to: None,
                // As wide as the policy: a revocation in this session takes back all of it.
                pattern: "*".to_owned(),
                ..user_grant(asked, draft)
            },
        };
        let source = copy.source;
        draft.write(Write::InsertGrant(Box::new(copy.clone())));
        (Some(copy), source)
    }

    /// It is opened, once that is recorded. `parked` is the run that was asked about it.
    fn allowed(
        &self,
        asked: &Asked,
        grant: Option<Grant>,
        source: GrantSource,
        parked: Option<&RunId>,
        draft: &mut Draft<'_, '_>,
    ) {
        // A grant for this once without a session is in no table.
        let kept = |grant: &&Grant| grant.session.is_some() || grant.only.is_none();
        let id = grant.as_ref().filter(kept).map(|grant| grant.id.clone());
        let source = json!(source).as_str().unwrap_or_default().to_owned();
        self.record(asked, "allow", id, &source, draft);
        draft.effect(Effect::Perform {
            run: parked.cloned(),
            worker: asked.access.worker.clone(),
            op: asked.access.op,
            grant: grant.map(Box::new),
        });
    }

    fn denied(&self, asked: &Asked, denial: &Denial, draft: &mut Draft<'_, '_>) {
        self.record(asked, "deny", None, &denial.to_string(), draft);
        refuse(&asked.access, NotPerformed::Denied(denial.to_string()), draft);
    }

    fn record(
        &self,
        asked: &Asked,
        decision: &'static str,
        grant: Option<GrantId>,
        reason: &str,
        draft: &mut Draft<'_, '_>,
    ) {
        let Asked { access, terms, .. } = asked;
        let Some(session) = self.session else {
            return draft.write(Write::RecordGateDecision(Box::new(GateDecision {
                kind: "access",
                decision,
                grant,
                component: terms.component.clone(),
                digest: terms.digest.clone(),
                registration: Some(terms.registration.clone()),
                access: Some(Access {
                    resource: shown(&access.resource, RECORDED_CHARS_MAX),
                    ..access.clone()
                }),
                reason: reason.to_owned(),
            })));
        };
        let about = About {
            session: session.clone(),
            run: self.run.map(|run| run.id.clone()),
            attempt: self.live_attempt().map(|attempt| attempt.id.clone()),
        };
        let payload = json!({ "decision": decision, "grantId": grant, "reason": reason,
            "adapterId": terms.registration, "grant": access.grant, "capability": access.capability.as_str(),
            "operation": access.operation, "resource": shown(&access.resource, RECORDED_CHARS_MAX), "scope": self.scope,
            "op": access.op, "digest": terms.digest });
        draft.event(&about, EventKind::GrantDecided, payload);
    }

    /// Nothing is recorded about an attempt that is over.
    fn live_attempt(&self) -> Option<&Attempt> {
        self.attempt.filter(|attempt| !attempt.status.is_terminal())
    }
}

fn refuse(access: &Access, why: NotPerformed, draft: &mut Draft<'_, '_>) {
    draft.effect(Effect::Refuse { worker: access.worker.clone(), op: access.op, why });
}

/// Which policy allows what nothing else does.
fn by_policy(asked: &Asked) -> GrantSource {
    if asked.terms.policy == Policy::Legacy { GrantSource::LegacyDefault } else { GrantSource::Policy }
}

/// A person is asked, and the run waits for that.
fn ask(
    run: &Run,
    attempt: &Attempt,
    input: &AccessAsked,
    facts: &Facts,
    draft: &mut Draft<'_, '_>,
) -> Result<(), Refusal> {
    let Asked { access, terms, scope } = &input.asked;
    let title = format!("`{}` wants to {}", terms.registration, crate::grant::what(access));
    let reason = terms.declared.as_ref().map(|declared| brief(&declared.reason));
    let payload = json!({ "request": input.request, "kind": "access", "title": title,
        "options": options(*scope, access), "details": input.asked, "reason": reason });
    draft.event(&about(run, Some(attempt)), EventKind::ApprovalRequested, payload);
    super::request::wait(run, attempt, facts, Step::AskApproval, draft)
}

/// The possible answers. Where no session is known, none can be given for one.
fn options(scope: AccessScope, access: &Access) -> Vec<ApprovalOption> {
    let option = |id: &str, name: String, kind| ApprovalOption { option_id: id.to_owned(), name, kind };
    let covers = shown(&access.covers, OPTION_CHARS_MAX);
    let mut options = vec![option(ONCE, "Allow once".to_owned(), OptionKind::AllowOnce)];
    if scope != AccessScope::Worker {
        let name = format!("Allow `{covers}` in this session");
        options.push(option(SESSION, name, OptionKind::Other("allow_session".to_owned())));
    }
    options.push(option(ALWAYS, format!("Always allow `{covers}` to this adapter"), OptionKind::AllowAlways));
    options.push(option(DENY, "Deny".to_owned(), OptionKind::RejectOnce));
    options
}

/// A person answered, or nobody did: it is opened, or refused for good. What is lasting of the answer is recorded.
pub(super) fn answered(
    asked: &Asked,
    answer: &Answer,
    run: &Run,
    attempt: &Attempt,
    draft: &mut Draft<'_, '_>,
) {
    let place = Place::of_question(asked, run, attempt);
    let Asked { access, terms, .. } = asked;
    let selected = match answer {
        Answer::Selected { option_id } => option_id.as_str(),
        Answer::Rejected { .. } => DENY,
        Answer::Cancelled => {
            place.record(asked, "deny", None, "cancelled", draft);
            return refuse(access, NotPerformed::Cancelled, draft);
        }
        Answer::Expired => {
            place.record(asked, "deny", None, "nobody answered in time", draft);
            return refuse(access, NotPerformed::Expired, draft);
        }
    };
    let session = place.session.cloned();
    let of_run = session.as_ref().map(|_| run.id.clone());
    let grant = match (selected, session.is_some()) {
        (ONCE, _) => {
            let only = OnlyOp { worker: access.worker.clone(), op: access.op };
            let pattern = literal(&access.resource);
            Grant { session, run: of_run, pattern, only: Some(only), ..user_grant(asked, draft) }
        }
        (SESSION, true) => Grant { session, ..user_grant(asked, draft) },
        (ALWAYS, _) => {
            let of_component = component_grant(asked, draft);
            let standing = of_component.grant();
            draft.write(Write::InsertComponentGrant(Box::new(of_component)));
            let (grant, source) = place.grant(Allowed::Grant(&standing), asked, draft);
            return place.allowed(asked, grant, source, Some(&run.id), draft);
        }
        _ => {
            if session.is_some() {
                let pattern = literal(&access.resource);
                let deny = Grant {
                    session,
                    run: of_run,
                    pattern,
                    effect: GrantEffect::Deny,
                    to: None,
                    ..user_grant(asked, draft)
                };
                draft.write(Write::InsertGrant(Box::new(deny)));
            }
            return place.denied(asked, &Denial::refused(access, terms), draft);
        }
    };
    if grant.session.is_some() {
        draft.write(Write::InsertGrant(Box::new(grant.clone())));
    }
    place.allowed(asked, Some(grant), GrantSource::User, Some(&run.id), draft);
}

/// A grant for what was asked, as wide as a lasting answer.
fn user_grant(asked: &Asked, draft: &mut Draft<'_, '_>) -> Grant {
    let Asked { access, terms, .. } = asked;
    Grant {
        id: GrantId::new(draft.ids),
        session: None,
        run: None,
        registration: Some(terms.registration.clone()),
        name: Some(access.grant.clone()),
        capability: Some(access.capability.clone()),
        operation: access.operation.clone(),
        pattern: access.covers.clone(),
        effect: GrantEffect::Allow,
        source: GrantSource::User,
        only: None,
        to: Some(granted_to(asked)),
        origin: None,
        expires_at: None,
        revoked_at: None,
    }
}

fn component_grant(asked: &Asked, draft: &mut Draft<'_, '_>) -> ComponentGrant {
    let Asked { access, terms, .. } = asked;
    ComponentGrant {
        id: GrantId::new(draft.ids),
        to: granted_to(asked),
        registration: terms.registration.clone(),
        operation: access.operation.clone(),
        pattern: access.covers.clone(),
        revoked_at: None,
    }
}

/// The component that asked. It has declared what it asks for: else nobody would have been asked.
fn granted_to(asked: &Asked) -> GrantedTo {
    let Asked { access, terms, .. } = asked;
    let undeclared = || GrantRequest {
        name: access.grant.clone(),
        capability: access.capability.clone(),
        operation: access.operation.clone(),
        pattern: access.covers.clone(),
        reason: String::new(),
        optional: true,
    };
    GrantedTo {
        component: terms.component.clone(),
        digest: terms.digest.clone(),
        declared: terms.declared.clone().unwrap_or_else(undeclared),
    }
}
