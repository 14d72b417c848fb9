//! Installed components as they are listed.

use omi_kernel::descriptor::GrantRequest;
use omi_kernel::id::Timestamp;
use rusqlite::{Connection, Result, Row};
use serde::Serialize;
use utoipa::ToSchema;

use crate::rows::{self, COMPONENT, all, first};

/// A component that a person installed, as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComponentView {
    /// Its file, absolute: what registrations name.
    pub path: String,
    /// Its name for people.
    pub name: String,
    /// The SHA-256 of its bytes, in hexadecimal.
    pub digest: String,
    /// What it calls itself.
    pub adapter_id: String,
    /// Its version.
    pub version: String,
    /// What it asks for.
    #[schema(value_type = Vec<Object>)]
    pub grants: Vec<GrantRequest>,
    /// What it imports.
    pub imports: Vec<String>,
    /// When it was installed with these bytes.
    #[schema(value_type = i64)]
    pub installed_at_ms: Timestamp,
}

pub(super) fn list(db: &Connection) -> Result<Vec<ComponentView>> {
    let sql = format!("SELECT {COMPONENT}, installed_at_ms FROM components ORDER BY path");
    all(db.prepare_cached(&sql)?, [], view)
}

pub(super) fn one(db: &Connection, path: &str) -> Result<Option<ComponentView>> {
    let sql = format!("SELECT {COMPONENT}, installed_at_ms FROM components WHERE path = ?1");
    first(db.prepare_cached(&sql)?, [path], view)
}

fn view(row: &Row<'_>) -> Result<ComponentView> {
    let component = rows::component(row)?;
    Ok(ComponentView {
        path: component.path,
        name: component.name,
        digest: component.digest,
        adapter_id: component.adapter_id,
        version: component.version,
        grants: component.grants,
        imports: component.imports,
        installed_at_ms: Timestamp(row.get(7)?),
    })
}
