//! Grants, and what is asked of them, by chance.

use super::dice::Dice;
use crate::descriptor::{Capability, GrantRequest};
use crate::grant::{
    Access, AccessScope, Asked, Component, ComponentGrant, Grant, GrantEffect, GrantSource, GrantedTo,
    OnlyOp, Policy, Terms,
};
use crate::id::{AttemptId, GrantId, RunId, SessionId, Timestamp, WorkerId};
use crate::input::AccessAsked;
use crate::row::HOST_REQUESTS;

impl Dice {
    pub(super) fn access_asked(&mut self) -> AccessAsked {
        AccessAsked {
            at: Timestamp(self.small().into()),
            request: HOST_REQUESTS + self.small(),
            session: self.maybe(|dice| dice.id(SessionId::new)),
            attempt: self.maybe(|dice| dice.id(AttemptId::new)),
            asked: self.asked(),
            person: self.flip(),
        }
    }

    pub(super) fn asked(&mut self) -> Asked {
        use AccessScope as S;
        Asked {
            scope: self.of(&[S::Worker, S::Binding, S::Attempt]),
            access: self.access(),
            terms: self.terms(),
        }
    }

    fn capability(&mut self) -> Capability {
        use Capability as C;
        self.of(&[C::Process, C::Files, C::Files, C::Http, C::Terminal, C::Other("x".into())])
    }

    fn operation(&mut self) -> String {
        self.of(&["*", "write", "spawn"]).to_owned()
    }

    fn pattern(&mut self) -> String {
        // The gate refuses long ones before anything is decided.
        if self.once_in(4) {
            self.text().chars().take(256).collect()
        } else {
            self.of(&["*", "src/**", "echo"]).to_owned()
        }
    }

    fn access(&mut self) -> Access {
        Access {
            worker: self.id(WorkerId::new),
            op: self.small(),
            grant: self.name(),
            capability: self.capability(),
            operation: self.operation(),
            resource: self.text(),
            covers: self.pattern(),
        }
    }

    fn request(&mut self) -> GrantRequest {
        GrantRequest {
            name: self.name(),
            capability: self.capability(),
            operation: self.operation(),
            pattern: self.pattern(),
            reason: self.text(),
            optional: self.flip(),
        }
    }

    fn terms(&mut self) -> Terms {
        use Policy as P;
        Terms {
            registration: self.name().as_str().into(),
            component: self.name(),
            digest: self.name(),
            declared: self.mostly(Self::request),
            bound: self.mostly(Self::capability),
            policy: self.of(&[P::Deny, P::Ask, P::Ask, P::Allow, P::Legacy]),
            operations: if self.flip() { self.few(Self::operation) } else { Vec::new() },
            resources: if self.flip() { self.few(Self::pattern) } else { Vec::new() },
        }
    }

    fn time(&mut self) -> Option<Timestamp> {
        self.maybe(|dice| Timestamp(dice.small().into()))
    }

    pub(super) fn grant(&mut self) -> Grant {
        use GrantSource as S;
        Grant {
            id: self.id(GrantId::new),
            session: self.mostly(|dice| dice.id(SessionId::new)),
            run: self.maybe(|dice| dice.id(RunId::new)),
            registration: self.maybe(|dice| dice.name().as_str().into()),
            name: self.maybe(Self::name),
            capability: self.maybe(Self::capability),
            operation: self.operation(),
            pattern: self.pattern(),
            effect: self.of(&[GrantEffect::Allow, GrantEffect::Allow, GrantEffect::Deny]),
            source: self.of(&[S::LegacyDefault, S::Policy, S::User, S::System]),
            to: self.maybe(Self::granted_to),
            only: self.maybe(|dice| OnlyOp { worker: dice.id(WorkerId::new), op: dice.small() }),
            origin: self.maybe(|dice| dice.id(GrantId::new)),
            expires_at: self.time(),
            revoked_at: self.time(),
        }
    }

    fn granted_to(&mut self) -> GrantedTo {
        GrantedTo { component: self.name(), digest: self.name(), declared: self.request() }
    }

    pub(super) fn component_grant(&mut self) -> ComponentGrant {
        ComponentGrant {
            id: self.id(GrantId::new),
            to: self.granted_to(),
            registration: self.name().as_str().into(),
            operation: self.operation(),
            pattern: self.pattern(),
            revoked_at: self.time(),
        }
    }

    pub(super) fn component(&mut self) -> Component {
        Component {
            path: self.text(),
            name: self.name(),
            digest: self.name(),
            adapter_id: self.name(),
            version: self.name(),
            grants: self.few(Self::request),
            imports: self.few(Self::text),
        }
    }
}
