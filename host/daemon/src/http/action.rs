//! `/v1/sessions/{id}/actions`: what a person does while a session works (seed 002 §9).

use axum::extract::Extension;
use axum::response::Json;
use omi_kernel::command::Answer;
use omi_kernel::id::{AttemptId, RunId, SessionId};
use omi_kernel::status::Status;
use omi_store::{RequestView, RunFilter};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::body::{Body, Named, id};
use super::page::LIMIT_MAX;
use super::problem::Problem;
use super::request::{self, Decision, NoInput, done};
use super::run::{Cancellation, stop};
use crate::relay::Asked;
use crate::surface::Surface;
use crate::terminal::plain;
use crate::wire::Address;

/// What is done.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Action {
    /// Chooses an option of a request for permission.
    #[serde(rename_all = "camelCase")]
    Approve {
        /// The number of the request.
        approval: u32,
        /// The option.
        option_id: String,
        /// The attempt that asks, where more than one of the session asks under this number.
        attempt_id: Option<String>,
    },
    /// Refuses a request for permission.
    #[serde(rename_all = "camelCase")]
    Reject {
        /// The number of the request.
        approval: u32,
        /// The attempt that asks.
        attempt_id: Option<String>,
    },
    /// Takes a request for permission back.
    #[serde(rename_all = "camelCase")]
    Cancel {
        /// The number of the request.
        approval: u32,
        /// The attempt that asks.
        attempt_id: Option<String>,
    },
    /// Answers a request for information, or for a log-in: with the id of a method then. One of `value` and `decision`.
    #[serde(rename_all = "camelCase")]
    Input {
        /// The number of the request.
        request: u32,
        /// The answer.
        #[serde(default, deserialize_with = "given")]
        value: Option<Value>,
        /// That there is none.
        decision: Option<NoInput>,
        /// The attempt that asks.
        attempt_id: Option<String>,
    },
    /// Gives the result of a tool of the surface that an agent of this session used.
    #[serde(rename_all = "camelCase")]
    ToolResult {
        /// The client that offers the tool.
        client_id: String,
        /// The request that offers it.
        request_id: String,
        /// The call.
        call_id: String,
        /// What the tool gave.
        result: String,
    },
    /// Has the run of the session stopped that is executed, or the one that is named.
    #[serde(rename_all = "camelCase")]
    Interrupt {
        /// The run.
        run_id: Option<String>,
    },
}

/// A value that is there, also if it is `null`.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// What was done, and to what.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Acted {
    /// The session.
    session_id: String,
    /// The run; none for the result of a tool, which is known by its call.
    run_id: Option<String>,
    /// What became of an interrupt.
    cancellation: Option<Cancellation>,
}

/// Answers what the session asks, or has it stop.
#[utoipa::path(post, path = "/v1/sessions/{id}/actions", operation_id = "act", tag = "sessions",
    params(("id" = String, Path, description = "The session")), request_body = Action,
    responses((status = OK, body = Acted)))]
pub(super) async fn act(
    Extension(surface): Extension<Surface>,
    Named(session): Named<String>,
    Body(action): Body<Action>,
) -> Result<Json<Acted>, Problem> {
    let session: SessionId = id("session", &session)?;
    super::session::known(&surface, &session)?;
    let asks = Asks { surface: &surface, session: &session };
    let run_id = match action {
        Action::Approve { approval, option_id, attempt_id } => {
            asks.approve(approval, attempt_id.as_ref(), Answer::Selected { option_id }).await?
        }
        Action::Reject { approval, attempt_id } => {
            asks.approve(approval, attempt_id.as_ref(), Decision::Rejected.answer()).await?
        }
        Action::Cancel { approval, attempt_id } => {
            asks.approve(approval, attempt_id.as_ref(), Decision::Cancelled.answer()).await?
        }
        Action::Input { request, value, decision, attempt_id } => {
            let answer = request::input(value, decision)?;
            let (attempt, run) =
                asks.find(request, attempt_id.as_ref(), |asked| !request::is_permission(asked))?;
            done(surface.client.provide_input(surface.owner.clone(), attempt, request, answer).await)?;
            run
        }
        Action::ToolResult { client_id, request_id, call_id, result } => {
            let address = Address::v2(client_id, request_id);
            let asked = Asked { owner: surface.owner.clone(), address };
            if !surface.relay.complete(&asked, &call_id, result) {
                return Err(Problem::not_found("open call", &plain(&call_id)));
            }
            return Ok(Json(Acted { session_id: session.to_string(), run_id: None, cancellation: None }));
        }
        Action::Interrupt { run_id } => {
            let run = asks.running(run_id)?;
            let run_id = Some(run.to_string());
            let cancellation = Some(stop(&surface, run).await?);
            return Ok(Json(Acted { session_id: session.to_string(), run_id, cancellation }));
        }
    };
    Ok(Json(Acted { session_id: session.to_string(), run_id: Some(run_id), cancellation: None }))
}

/// What a session asks.
struct Asks<'s> {
    surface: &'s Surface,
    session: &'s SessionId,
}

impl Asks<'_> {
    async fn approve(
        &self,
        approval: u32,
        attempt: Option<&String>,
        answer: Answer,
    ) -> Result<String, Problem> {
        let (attempt, run) = self.find(approval, attempt, request::is_permission)?;
        let client = &self.surface.client;
        done(client.approve(self.surface.owner.clone(), attempt, approval, answer).await)?;
        Ok(run)
    }

    /// The attempt and the run of the session that ask under this number.
    fn find(
        &self,
        number: u32,
        attempt: Option<&String>,
        is: impl Fn(&RequestView) -> bool,
    ) -> Result<(AttemptId, String), Problem> {
        let mut open = request::open(self.surface)?;
        open.retain(|asked| {
            let named = attempt.is_none_or(|attempt| *attempt == asked.attempt_id);
            named && asked.session_id == self.session.as_str() && asked.request == number && is(asked)
        });
        match open.as_slice() {
            [one] => Ok((id("attempt", &one.attempt_id)?, one.run_id.clone())),
            [] => Err(Problem::new(
                "no_open_request",
                format!("the session asks nothing under the number {number}"),
            )),
            [_, _, ..] => {
                let why = format!(
                    "the session asks more than one thing under the number {number}; hint: name `attemptId`"
                );
                Err(Problem::new("conflict", why))
            }
        }
    }

    /// The run that is named, or the one that is executed: others of the session wait in the queue.
    fn running(&self, named: Option<String>) -> Result<RunId, Problem> {
        let owner = Some(&self.surface.owner);
        if let Some(named) = named {
            let run: RunId = id("run", &named)?;
            let found = self.surface.ask(|reader| reader.run(owner, &run))?;
            let of_session = found.is_some_and(|found| found.session_id == self.session.as_str());
            return if of_session { Ok(run) } else { Err(Problem::not_found("run", run.as_str())) };
        }
        let filter = RunFilter {
            owner: owner.cloned(),
            session: Some(self.session.clone()),
            limit: LIMIT_MAX,
            ..RunFilter::default()
        };
        let runs = self.surface.read(|reader| reader.runs(&filter))?;
        let stands = |status: &str| Status::parse(status).filter(|status| !status.is_terminal());
        let mut live: Vec<_> =
            runs.iter().filter_map(|run| Some((stands(&run.status)?, &run.run_id))).collect();
        if live.len() > 1 {
            live.retain(|(status, _)| *status != Status::Queued);
        }
        match live.as_slice() {
            [(_, run)] => id("run", run),
            [] => Err(Problem::new("no_open_request", "no run of the session goes on")),
            [_, _, ..] => Err(Problem::new("conflict", "more than one run goes on; hint: name `runId`")),
        }
    }
}
