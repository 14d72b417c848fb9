//! Rows of grants and of components.

use omi_kernel::descriptor::Capability;
use omi_kernel::grant::{Component, ComponentGrant, Grant, GrantedTo, OnlyOp};
use omi_kernel::id::{AdapterId, GrantId, RunId, SessionId, Timestamp};
use rusqlite::{Result, Row};
use serde::{Deserialize, Serialize};

use super::{json, parsed, perhaps};
use crate::words;

/// The columns that [`grant`] reads.
pub(crate) const GRANT: &str = "grant_id, session_id, run_id, adapter_id, grant_name, capability, operation, \
     resource_pattern, effect, source, constraints_json, origin_grant_id, expires_at_ms, revoked_at_ms";
/// The columns that [`component_grant`] reads.
pub(crate) const COMPONENT_GRANT: &str = "grant_id, component, digest, adapter_id, declared_json, operation, \
     resource_pattern, revoked_at_ms";
/// The columns that [`component`] reads.
pub(crate) const COMPONENT: &str = "path, name, digest, adapter_id, version, grants_json, imports_json";

/// The word of the column `capability` for any.
pub(crate) const ANY_CAPABILITY: &str = "*";

/// To what a grant is limited beside its pattern. A limit that is not known makes the row unreadable: what nobody
/// understands allows nothing.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Constraints {
    /// The one access that it covers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) only: Option<OnlyOp>,
    /// The component that it was given to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<GrantedTo>,
}

impl Constraints {
    /// Only an object: a list would be read as the fields in their order, with none for those that it lacks.
    fn parse(text: &str) -> Option<Self> {
        text.starts_with('{').then(|| serde_json::from_str(text).ok()).flatten()
    }
}

pub(crate) fn grant(row: &Row<'_>) -> Result<Grant> {
    let constraints = parsed(row, 10, Constraints::parse)?;
    Ok(Grant {
        id: parsed(row, 0, |text| GrantId::parse(text).ok())?,
        session: Some(parsed(row, 1, |text| SessionId::parse(text).ok())?),
        run: perhaps(row, 2, |text| RunId::parse(text).ok())?,
        registration: row.get::<_, Option<String>>(3)?.map(AdapterId),
        name: row.get(4)?,
        capability: capability(&row.get::<_, String>(5)?),
        operation: row.get(6)?,
        pattern: row.get(7)?,
        effect: parsed(row, 8, words::effect)?,
        source: parsed(row, 9, words::source)?,
        only: constraints.only,
        to: constraints.to,
        origin: perhaps(row, 11, |text| GrantId::parse(text).ok())?,
        expires_at: row.get::<_, Option<i64>>(12)?.map(Timestamp),
        revoked_at: row.get::<_, Option<i64>>(13)?.map(Timestamp),
    })
}

/// Reads a word of the column `capability`.
pub(crate) fn capability(word: &str) -> Option<Capability> {
    (word != ANY_CAPABILITY).then(|| Capability::parse(word))
}

pub(crate) fn component_grant(row: &Row<'_>) -> Result<ComponentGrant> {
    Ok(ComponentGrant {
        id: parsed(row, 0, |text| GrantId::parse(text).ok())?,
        to: GrantedTo { component: row.get(1)?, digest: row.get(2)?, declared: json(row, 4)? },
        registration: AdapterId(row.get(3)?),
        operation: row.get(5)?,
        pattern: row.get(6)?,
        revoked_at: row.get::<_, Option<i64>>(7)?.map(Timestamp),
    })
}

pub(crate) fn component(row: &Row<'_>) -> Result<Component> {
    Ok(Component {
        path: row.get(0)?,
        name: row.get(1)?,
        digest: row.get(2)?,
        adapter_id: row.get(3)?,
        version: row.get(4)?,
        grants: json(row, 5)?,
        imports: json(row, 6)?,
    })
}
