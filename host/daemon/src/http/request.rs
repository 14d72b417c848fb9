//! `/v1/requests` and `/v1/approvals`: what runs ask people, and the answers.

use axum::extract::Extension;
use axum::response::Json;
use omi_kernel::command::{Answer, InputAnswer};
use omi_kernel::id::AttemptId;
use omi_store::{RequestState, RequestView};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::body::{Body, Named, Params, id};
use super::page::Page;
use super::problem::Problem;
use crate::client::{Answered, RequestError};
use crate::surface::Surface;

/// Which requests are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct List {
    /// That stand here; all, if nothing is said.
    #[param(inline)]
    state: Option<State>,
}

/// Where a request stands that nobody has answered.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum State {
    /// Its attempt waits for an answer.
    Open,
    /// The daemon that had its attempt is gone: an answer would reach nobody.
    Orphaned,
}

impl From<State> for RequestState {
    fn from(state: State) -> Self {
        match state {
            State::Open => Self::Open,
            State::Orphaned => Self::Orphaned,
        }
    }
}

/// Lists what runs asked people and nobody has answered, the first one first: permissions, information and log-ins.
#[utoipa::path(get, path = "/v1/requests", operation_id = "listRequests", tag = "requests", params(List), responses((status = OK, body = Page<RequestView>)))]
pub(super) async fn list(
    Extension(surface): Extension<Surface>,
    Params(list): Params<List>,
) -> Result<Page<RequestView>, Problem> {
    let state = list.state.map(RequestState::from);
    let items = surface.read(|reader| reader.requests(Some(&surface.owner), state))?;
    Ok(Page { items, next_cursor: None })
}

/// Lists the open requests for permission, the first one first. There are no more than runs that may wait.
#[utoipa::path(get, path = "/v1/approvals", operation_id = "listApprovals", tag = "requests", responses((status = OK, body = Page<RequestView>)))]
pub(super) async fn approvals(Extension(surface): Extension<Surface>) -> Result<Page<RequestView>, Problem> {
    let mut items = open(&surface)?;
    items.retain(is_permission);
    Ok(Page { items, next_cursor: None })
}

/// What runs of the owner wait for.
pub(super) fn open(surface: &Surface) -> Result<Vec<RequestView>, Problem> {
    Ok(surface.read(|reader| reader.requests(Some(&surface.owner), Some(RequestState::Open)))?)
}

/// It is answered with an option.
pub(super) fn is_permission(request: &RequestView) -> bool {
    matches!(request.kind.as_str(), "approval" | "access")
}

/// An answer to a request for permission: one of the two.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schema(min_properties = 1, max_properties = 1, example = json!({ "optionId": "once" }))]
pub(super) struct Choice {
    /// The option that is chosen: one of those of the request.
    option_id: Option<String>,
    /// None of them.
    decision: Option<Decision>,
}

/// A decision that is none of the options.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Decision {
    /// It is refused.
    Rejected,
    /// The request is taken back.
    Cancelled,
}

impl Decision {
    /// What the kernel takes.
    pub(super) fn answer(self) -> Answer {
        match self {
            Self::Rejected => Answer::Rejected { reason: "refused".to_owned() },
            Self::Cancelled => Answer::Cancelled,
        }
    }
}

/// An answer to a request for information that gives nothing.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum NoInput {
    /// There is nothing to give.
    Declined,
    /// The request is taken back.
    Cancelled,
}

/// What was said to a request for information: one of the two.
pub(super) fn input(value: Option<Value>, decision: Option<NoInput>) -> Result<InputAnswer, Problem> {
    match (value, decision) {
        (Some(value), None) => Ok(InputAnswer::Provided { value }),
        (None, Some(NoInput::Declined)) => Ok(InputAnswer::Declined),
        (None, Some(NoInput::Cancelled)) => Ok(InputAnswer::Cancelled),
        (Some(_), Some(_)) | (None, None) => {
            Err(Problem::new("invalid_message", "one of `value` and `decision` is needed"))
        }
    }
}

/// What was done, and to what.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Done {
    /// The attempt that asked.
    pub(super) attempt_id: String,
    /// The number of the request.
    pub(super) request: u32,
}

/// Answers a request for permission.
#[utoipa::path(post, path = "/v1/approvals/{attempt}/{request}", operation_id = "answerApproval", tag = "requests",
    params(("attempt" = String, Path, description = "The attempt that asks"), ("request" = u32, Path, description = "The number of the request")),
    request_body = Choice, responses((status = OK, body = Done)))]
pub(super) async fn approve(
    Extension(surface): Extension<Surface>,
    Named((attempt, request)): Named<(String, u32)>,
    Body(choice): Body<Choice>,
) -> Result<Json<Done>, Problem> {
    let answer = match (choice.option_id, choice.decision) {
        (Some(option_id), None) => Answer::Selected { option_id },
        (None, Some(decision)) => decision.answer(),
        (Some(_), Some(_)) | (None, None) => {
            return Err(Problem::new("invalid_message", "one of `optionId` and `decision` is needed"));
        }
    };
    let attempt: AttemptId = id("attempt", &attempt)?;
    done(surface.client.approve(surface.owner.clone(), attempt.clone(), request, answer).await)?;
    Ok(Json(Done { attempt_id: attempt.to_string(), request }))
}

/// It is done and needs no more words.
pub(super) fn done(answered: Result<Answered, RequestError>) -> Result<(), Problem> {
    match answered? {
        Answered::Done => Ok(()),
        other => Err(Problem::unexpected(&other)),
    }
}
