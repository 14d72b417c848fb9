//! `/v1/sessions/{id}/messages`: what is asked in a session, and the conversation as it is recorded.

use axum::extract::Extension;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Json, Response};
use base64::Engine as _;
use omi_kernel::command::{Base64, PromptBlock, RunMode};
use omi_kernel::id::{RunId, SessionId, Timestamp};
use omi_kernel::model::ModelProfile;
use omi_kernel::request::{IMAGE_BYTES_MAX, SessionRef};
use omi_kernel::status::Status;
use omi_store::{RunFilter, RunView};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::body::{Body, Named, Params, id};
use super::idempotency::Key;
use super::page::{self, Limit, Page, no_cursor};
use super::problem::Problem;
use super::session::SURFACE;
use super::word;
use crate::client::Answered;
use crate::prompt::Prompt;
use crate::surface::Surface;
use crate::wire::absolute;

/// The client where nothing is said.
pub(super) const CLIENT: &str = "http";
/// Bytes of what was asked and answered on one page, but for the first run of it: what a client still reads at once.
pub(super) const PAGE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What is asked.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schema(example = json!({ "text": "What does this folder hold?" }))]
pub(super) struct NewMessage {
    /// A text. It comes before `content`.
    text: Option<String>,
    /// Texts and pictures.
    #[serde(default)]
    content: Vec<Content>,
    /// The system prompt.
    system_prompt: Option<String>,
    /// What the run may do; `act` if nothing is said.
    #[serde(default)]
    #[schema(schema_with = word::run_mode)]
    mode: RunMode,
    /// The model, by its name.
    model: Option<String>,
    /// What is needed of a model.
    #[schema(schema_with = word::profile_or_null)]
    model_profile: Option<ModelProfile>,
    /// The working folder: absolute.
    cwd: Option<String>,
    /// The registration.
    adapter_id: Option<String>,
    /// Milliseconds of running time it may take.
    #[schema(minimum = 1)]
    timeout_ms: Option<u64>,
    /// The client's name of this request: with `clientId` it names the run. A new one if nothing is said.
    #[schema(min_length = 1, max_length = 512)]
    request_id: Option<String>,
    /// The client; `http` if nothing is said.
    #[schema(min_length = 1, max_length = 480)]
    client_id: Option<String>,
}

/// A piece of what is asked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Content {
    /// A text.
    Text {
        /// The text.
        text: String,
    },
    /// A picture: its bytes, or a file that was sent before.
    #[serde(rename_all = "camelCase")]
    Image {
        /// Its media type. That of the file, if nothing is said.
        mime_type: Option<String>,
        /// Its bytes as base64 (standard alphabet, padded).
        data: Option<String>,
        /// The file that has them.
        file_id: Option<String>,
    },
}

/// A run that was accepted.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Accepted)]
pub(super) struct Accepted {
    /// Its session.
    #[serde(rename = "sessionId")]
    #[schema(value_type = String)]
    pub(super) session: SessionId,
    /// The run.
    #[serde(rename = "runId")]
    #[schema(value_type = String)]
    pub(super) run: RunId,
    /// Where it stands.
    #[schema(schema_with = word::status)]
    pub(super) status: String,
    /// It had been accepted before.
    pub(super) repeated: bool,
}

impl Accepted {
    /// What the kernel answered, with where the run stands.
    pub(super) fn found(surface: &Surface, answered: &Answered) -> Result<Self, Problem> {
        let Answered::Accepted { session, run, repeated } = answered else {
            return Err(Problem::unexpected(answered));
        };
        // A new one, and one that is tried again, begins in the queue. Where an older one stands is looked up.
        let status = if *repeated {
            super::run::find(surface, run)?.status
        } else {
            Status::Queued.as_str().to_owned()
        };
        Ok(Self { session: session.clone(), run: run.clone(), status, repeated: *repeated })
    }

    /// The answer to who asked for it.
    pub(super) fn answer(self) -> Response {
        let location = format!("/v1/runs/{}", self.run);
        (StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(self)).into_response()
    }
}

/// The session that a first message makes.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) names: SessionRef,
    pub(super) surface: String,
    pub(super) title: Option<String>,
    pub(super) adapter: Option<String>,
    pub(super) cwd: Option<String>,
    pub(super) profile: Option<ModelProfile>,
}

impl NewMessage {
    /// The prompt of a session that may be new.
    pub(super) fn first(
        self,
        surface: &Surface,
        of: Session,
        key: Option<String>,
    ) -> Result<Prompt, Problem> {
        let said = [
            ("adapterId", self.adapter_id.is_some()),
            ("cwd", self.cwd.is_some()),
            ("modelProfile", self.model_profile.is_some()),
        ];
        if let Some((field, _)) = said.into_iter().find(|(_, said)| *said) {
            let why =
                format!("`message.{field}` is said of the session here; hint: write it beside `message`");
            return Err(Problem::new("invalid_message", why));
        }
        let prompt = self.prompt(surface, of.names, key)?;
        Ok(Prompt {
            surface: of.surface,
            title: of.title,
            adapter: of.adapter,
            cwd: of.cwd,
            profile: of.profile,
            ..prompt
        })
    }

    fn prompt(self, surface: &Surface, session: SessionRef, key: Option<String>) -> Result<Prompt, Problem> {
        absolute(self.cwd.as_deref())?;
        let mut blocks: Vec<PromptBlock> =
            self.text.into_iter().map(|text| PromptBlock::Text { text }).collect();
        for content in self.content {
            blocks.push(content.block(surface)?);
        }
        Ok(Prompt {
            client: self.client_id.unwrap_or_else(|| CLIENT.to_owned()),
            request: self.request_id.unwrap_or_else(new_request),
            idempotency_key: key,
            session,
            surface: SURFACE.to_owned(),
            title: None,
            adapter: self.adapter_id,
            blocks,
            system_prompt: self.system_prompt,
            mode: self.mode,
            model: self.model,
            profile: self.model_profile,
            cwd: self.cwd,
            legacy_adapter_session_id: None,
            timeout_ms: self.timeout_ms,
        })
    }
}

/// A name for a request that its client gave none.
pub(super) fn new_request() -> String {
    uuid::Uuid::new_v4().to_string()
}

impl Content {
    fn block(self, surface: &Surface) -> Result<PromptBlock, Problem> {
        let invalid = |why: &str| Err(Problem::new("invalid_message", why));
        match self {
            Self::Text { text } => Ok(PromptBlock::Text { text }),
            Self::Image { mime_type: Some(mime_type), data: Some(data), file_id: None } => {
                Ok(PromptBlock::Image { mime_type, data: Base64(data) })
            }
            Self::Image { mime_type, data: None, file_id: Some(file) } => picture(surface, &file, mime_type),
            Self::Image { data: Some(_), file_id: None, .. } => {
                invalid("a picture has a `mimeType` with its `data`")
            }
            Self::Image { .. } => invalid("a picture has one of `data` and `fileId`"),
        }
    }
}

/// A picture that was sent as a file before.
fn picture(surface: &Surface, file: &str, mime_type: Option<String>) -> Result<PromptBlock, Problem> {
    let missing = || Problem::not_found("file", &crate::terminal::plain(file));
    let known = surface.files.find(&surface.owner, file)?.ok_or_else(missing)?;
    let mime_type = mime_type.unwrap_or_else(|| known.media_type.clone());
    if !mime_type.starts_with("image/") {
        let why = format!("`{file}` is no picture but `{mime_type}`; hint: say what it is with `mimeType`");
        return Err(Problem::new("not_a_picture", why));
    }
    // In base64 it is a third longer.
    if known.size_bytes > IMAGE_BYTES_MAX as u64 / 4 * 3 {
        return Err(Problem::new("too_long", format!("`{file}` is too large for a prompt")));
    }
    let bytes = tokio::task::block_in_place(|| surface.files.read(&known));
    let data = base64::engine::general_purpose::STANDARD.encode(bytes?);
    Ok(PromptBlock::Image { mime_type, data: Base64(data) })
}

/// Has a prompt run.
pub(super) async fn accept(surface: &Surface, prompt: Prompt) -> Result<Accepted, Problem> {
    let accept = prompt.accept(surface.owner.clone(), &surface.config)?;
    Accepted::found(surface, &surface.client.accept(accept).await?)
}

/// Asks something in a session. The run goes on whatever becomes of the client: follow it with `GET
/// /v1/sessions/{id}/events`, or ask for it with `GET /v1/runs/{id}`.
#[utoipa::path(post, path = "/v1/sessions/{id}/messages", operation_id = "createMessage", tag = "messages",
    params(("id" = String, Path, description = "The session")), request_body = NewMessage,
    responses((status = ACCEPTED, body = Accepted, headers(("location" = String, description = "The run")))))]
pub(super) async fn create(
    Extension(surface): Extension<Surface>,
    Named(session): Named<String>,
    Key(key): Key,
    Body(message): Body<NewMessage>,
) -> Result<Response, Problem> {
    let names = SessionRef { id: Some(id("session", &session)?), ..SessionRef::default() };
    let prompt = message.prompt(&surface, names, key)?;
    Ok(accept(&surface, prompt).await?.answer())
}

/// A message of a conversation, as it is recorded.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Message {
    /// Who said it: `user` or `assistant`.
    role: &'static str,
    /// The run that it is of.
    run_id: String,
    /// Where that stands.
    #[schema(schema_with = word::status)]
    status: String,
    /// What was said: texts and pictures, each with its `type`.
    #[schema(value_type = Vec<Object>)]
    content: Value,
    /// When it was said.
    #[schema(value_type = i64)]
    at_ms: Timestamp,
}

/// Which messages are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct List {
    /// Of at most so many runs. A page may have fewer where they are long.
    #[serde(default)]
    #[param(value_type = u32, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
    /// Where the page begins: `nextCursor` of the page before.
    cursor: Option<String>,
}

/// Lists the conversation, the oldest message first: the prompts of its runs, and what came of those that are over.
#[utoipa::path(get, path = "/v1/sessions/{id}/messages", operation_id = "listMessages", tag = "messages",
    params(("id" = String, Path, description = "The session"), List),
    responses((status = OK, body = Page<Message>)))]
pub(super) async fn list(
    Extension(surface): Extension<Surface>,
    Named(session): Named<String>,
    Params(list): Params<List>,
) -> Result<Page<Message>, Problem> {
    let session: SessionId = id("session", &session)?;
    super::session::known(&surface, &session)?;
    let filter = RunFilter { session: Some(session), oldest_first: true, ..RunFilter::default() };
    let Page { items, next_cursor } = runs(&surface, filter, list.limit, list.cursor.as_ref())?;
    Ok(Page { items: items.into_iter().flat_map(messages).collect(), next_cursor })
}

/// A page of runs of the owner, of a limited size.
pub(super) fn runs(
    surface: &Surface,
    filter: RunFilter,
    limit: Limit,
    cursor: Option<&String>,
) -> Result<Page<RunView>, Problem> {
    let owner = Some(&surface.owner);
    let after: Option<RunId> = page::after(cursor)?;
    let filter = RunFilter {
        owner: owner.cloned(),
        after: after.clone(),
        limit: limit.get(),
        bytes_max: Some(PAGE_BYTES_MAX),
        ..filter
    };
    let found = surface.read(|reader| {
        if let Some(after) = &after
            && reader.run(owner, after)?.is_none()
        {
            return Ok(None);
        }
        let items = reader.runs(&filter)?;
        let last = items.last().and_then(|last| RunId::parse(&last.run_id).ok());
        let Some(last) = last else { return Ok(Some(Page { items, next_cursor: None })) };
        let more = RunFilter { after: Some(last.clone()), limit: 1, ..filter };
        let next_cursor = (!reader.runs(&more)?.is_empty()).then(|| last.to_string());
        Ok(Some(Page { items, next_cursor }))
    })?;
    found.ok_or_else(no_cursor)
}

fn messages(run: RunView) -> impl Iterator<Item = Message> {
    let RunView { run_id, status, mut input, final_text, created_at_ms, completed_at_ms, .. } = run;
    let asked = Message {
        role: "user",
        run_id: run_id.clone(),
        status: status.clone(),
        content: input["prompt"].take(),
        at_ms: created_at_ms,
    };
    let answered = final_text.map(|text| Message {
        role: "assistant",
        run_id,
        status,
        content: json!([{ "type": "text", "text": text }]),
        at_ms: completed_at_ms.unwrap_or(created_at_ms),
    });
    std::iter::once(asked).chain(answered)
}
