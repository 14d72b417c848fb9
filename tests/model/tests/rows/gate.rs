//! The rows about what adapters may open.

use omi_kernel::grant::{GrantEffect, GrantSource};
use omi_model::row::{ComponentGrantRow, ComponentRow, GateDecisionRow, GrantRow};
use serde_json::{Value, json};

use super::at;

pub(super) fn grant(row: &GrantRow) -> Value {
    let grant = &row.grant;
    let effect = match grant.effect {
        GrantEffect::Allow => "allow",
        GrantEffect::Deny => "deny",
    };
    let source = match grant.source {
        GrantSource::LegacyDefault => "legacy_default",
        GrantSource::Policy => "policy",
        GrantSource::User => "user",
        GrantSource::System => "system",
    };
    let mut constraints = json!({});
    if let Some(only) = &grant.only {
        constraints["only"] = json!({ "worker": only.worker, "op": only.op });
    }
    if let Some(to) = &grant.to {
        constraints["to"] =
            json!({ "component": to.component, "digest": to.digest, "declared": to.declared });
    }
    json!({
        "grant_id": grant.id, "session_id": grant.session, "run_id": grant.run,
        "capability": grant.capability.as_ref().map_or("*", |capability| capability.as_str()),
        "operation": grant.operation, "resource_pattern": grant.pattern, "effect": effect, "source": source,
        "constraints_json": constraints,
        "created_at_ms": row.created_at.0, "expires_at_ms": at(grant.expires_at),
        "revoked_at_ms": at(grant.revoked_at), "adapter_id": grant.registration, "grant_name": grant.name,
        "origin_grant_id": grant.origin,
    })
}

pub(super) fn component_grant(row: &ComponentGrantRow) -> Value {
    let grant = &row.grant;
    json!({
        "grant_id": grant.id, "component": grant.to.component, "digest": grant.to.digest,
        "adapter_id": grant.registration, "declared_json": grant.to.declared, "operation": grant.operation,
        "resource_pattern": grant.pattern, "created_at_ms": row.created_at.0,
        "revoked_at_ms": at(grant.revoked_at),
    })
}

pub(super) fn component(row: &ComponentRow) -> Value {
    let component = &row.component;
    json!({
        "path": component.path, "name": component.name, "digest": component.digest,
        "adapter_id": component.adapter_id, "version": component.version, "grants_json": component.grants,
        "imports_json": component.imports, "installed_at_ms": row.installed_at.0,
    })
}

pub(super) fn decision(row: &GateDecisionRow) -> Value {
    let decision = &row.decision;
    json!({
        "decision_seq": row.number, "kind": decision.kind, "decision": decision.decision,
        "grant_id": decision.grant, "component": decision.component, "digest": decision.digest,
        "adapter_id": decision.registration, "access_json": decision.access, "reason": decision.reason,
        "created_at_ms": row.at.0,
    })
}
