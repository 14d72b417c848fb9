//! The words of the kernel in the document that describes what is served: from its own lists, so that none is missing.

use omi_kernel::artifact::ArtifactState;
use omi_kernel::model::ModelProfile;
use omi_kernel::session::SessionStatus;
use omi_kernel::status::Status;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};

/// Where a run stands.
pub(super) fn status() -> RefOr<Schema> {
    one_of(Status::ALL.iter().map(|status| status.as_str()), "Where the run stands.")
}

/// Where a session stands.
pub(super) fn session_status() -> RefOr<Schema> {
    one_of(SessionStatus::ALL.iter().map(|status| status.as_str()), "Where the session stands.")
}

/// What a person did with an artifact.
pub(super) fn artifact_state() -> RefOr<Schema> {
    one_of(ArtifactState::ALL.iter().map(|state| state.as_str()), "What a person did with it.")
}

/// What a run needs of a model.
pub(super) fn profile() -> RefOr<Schema> {
    one_of(ModelProfile::ALL.iter().map(|profile| profile.as_str()), "What is needed of a model.")
}

/// What a run may do.
pub(super) fn run_mode() -> RefOr<Schema> {
    one_of(["ask", "act"], "`ask`: answer and change nothing; `act`.")
}

/// How a run is delegated.
pub(super) fn delegation_mode() -> RefOr<Schema> {
    one_of(
        ["call", "spawn", "continue"],
        "`call`: in a new session, the parent waits; `spawn`: in a new session, the parent goes on; `continue`: in the \
         session of an earlier delegation, the parent waits.",
    )
}

/// What a run needs of a model, where nothing may be said.
pub(super) fn profile_or_null() -> RefOr<Schema> {
    or_null(profile())
}

/// Where a session stands, where nothing may be said.
pub(super) fn session_status_or_null() -> RefOr<Schema> {
    or_null(session_status())
}

/// What a run may do, where nothing may be said.
pub(super) fn run_mode_or_null() -> RefOr<Schema> {
    or_null(run_mode())
}

fn or_null(schema: RefOr<Schema>) -> RefOr<Schema> {
    let RefOr::T(Schema::Object(mut object)) = schema else { return schema };
    object.schema_type = SchemaType::Array(vec![Type::String, Type::Null]);
    object.enum_values.iter_mut().for_each(|words| words.push(serde_json::Value::Null));
    Schema::Object(object).into()
}

fn one_of<'w>(words: impl IntoIterator<Item = &'w str>, what: &str) -> RefOr<Schema> {
    let schema = ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .enum_values(Some(words))
        .description(Some(what));
    schema.build().into()
}
