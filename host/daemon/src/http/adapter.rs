//! `/v1/adapters`: the registrations under which agents are known, and the components behind them. No secrets.

use axum::extract::Extension;
use axum::response::Json;
use omi_kernel::descriptor::Descriptor;
use omi_store::ComponentView;
use serde::Serialize;
use serde_json::Value;
use tokio::task::block_in_place;
use utoipa::ToSchema;

use super::body::Named;
use super::problem::Problem;
use crate::bundled;
use crate::config::RegistrationConfig;
use crate::prompt::default_adapter;
use crate::surface::Surface;

/// What there is to run prompts with.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Adapters {
    /// The registrations, in the order of their names.
    registrations: Vec<RegistrationView>,
    /// The components that come with omi-agentd.
    bundled: Vec<BundledView>,
    /// The components that a person installed.
    installed: Vec<ComponentView>,
}

/// A registration: what `adapterId` names.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RegistrationView {
    /// Its name.
    adapter_id: String,
    /// It is used where nothing is named.
    is_default: bool,
    /// Its component: the name of a bundled one, or the path of a file.
    component: String,
    /// The programs that it may start.
    programs: Vec<Bound>,
    /// The servers that it may ask.
    origins: Vec<Bound>,
    /// The profiles that it has a model for.
    #[schema(value_type = Object)]
    models: Value,
}

/// What is behind a grant.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Bound {
    /// The grant's name.
    grant: String,
    /// The program, or the origin.
    to: String,
}

/// A component that comes with omi-agentd.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BundledView {
    /// Its name.
    name: &'static str,
    /// The SHA-256 of its bytes, in hexadecimal.
    digest: &'static str,
}

/// A registration with what its component says of itself.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AdapterRecord {
    /// The registration.
    #[serde(flatten)]
    registration: RegistrationView,
    /// The SHA-256 of the component's bytes, in hexadecimal.
    digest: String,
    /// What the component says of itself: title, version, capabilities, and what it asks for.
    #[schema(value_type = Object)]
    descriptor: Descriptor,
}

/// Lists registrations and components.
#[utoipa::path(get, path = "/v1/adapters", operation_id = "listAdapters", tag = "adapters", responses((status = OK, body = Adapters)))]
pub(super) async fn list(Extension(surface): Extension<Surface>) -> Result<Json<Adapters>, Problem> {
    let installed = surface.read(omi_store::Reader::components)?;
    let registrations = surface.config.registrations.iter();
    let registrations = registrations.map(|(name, known)| registration(&surface, name, known)).collect();
    let bundled = bundled::COMPONENTS.iter();
    let bundled = bundled.map(|known| BundledView { name: known.name, digest: known.digest }).collect();
    Ok(Json(Adapters { registrations, bundled, installed }))
}

/// Shows a registration, with what its component says of itself. The component is compiled for that, once.
#[utoipa::path(get, path = "/v1/adapters/{id}", operation_id = "getAdapter", tag = "adapters",
    params(("id" = String, Path, description = "The registration")), responses((status = OK, body = AdapterRecord)))]
pub(super) async fn one(
    Extension(surface): Extension<Surface>,
    Named(name): Named<String>,
) -> Result<Json<AdapterRecord>, Problem> {
    let known = surface.config.registrations.get(&name);
    let known = known.ok_or_else(|| Problem::not_found("registration", &crate::terminal::plain(&name)))?;
    let loaded = block_in_place(|| surface.components.load(&known.component));
    let (adapter, _) = loaded.map_err(|failure| Problem::new("component_unusable", failure.message))?;
    Ok(Json(AdapterRecord {
        registration: registration(&surface, &name, known),
        digest: adapter.digest().to_owned(),
        descriptor: adapter.descriptor().clone(),
    }))
}

fn registration(surface: &Surface, name: &str, known: &RegistrationConfig) -> RegistrationView {
    let bound = |(grant, to): (&str, &str)| Bound { grant: grant.to_owned(), to: to.to_owned() };
    RegistrationView {
        adapter_id: name.to_owned(),
        is_default: default_adapter(&surface.config) == name,
        component: known.component.clone(),
        programs: known.programs().map(bound).collect(),
        origins: known.origins().map(bound).collect(),
        models: serde_json::to_value(&known.models).unwrap_or_default(),
    }
}
