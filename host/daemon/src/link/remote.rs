//! A daemon that is another process: wire v2 over a WebSocket on its Unix socket.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use futures_util::{SinkExt as _, StreamExt as _};
use omi_kernel::command::{Answer, InputAnswer};
use omi_kernel::id::{AttemptId, Cursor, GrantId, RunId, SessionId};
use omi_kernel::request::Retry;
use omi_kernel::session::SessionChange;
use omi_kernel::status::Status;
use serde_json::{Value, json};
use tokio::net::UnixStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};

use super::{LinkError, endpoint};
use crate::client::{Answered, CancelAck};
use crate::http::Endpoint;
use crate::prompt::Prompt;
use crate::subscribe::SubscribeFilter;
use crate::wire::PROTOCOL_VERSION;

/// Where wire v2 is spoken. The name of the host says nothing on a Unix socket.
const URL: &str = "ws://localhost/v1/ws";
/// What commands are to a daemon.
const CLIENT: &str = "cli";
/// How long a daemon may take to say its first word: it has nothing to do before.
const FIRST_WORD: Duration = Duration::from_secs(5);
/// Bytes of one message of the daemon: four times what a client may send to it.
const MESSAGE_BYTES_MAX: usize = 256 * 1024 * 1024;

/// A connection to a daemon.
pub(crate) type Socket = WebSocketStream<UnixStream>;

/// A daemon that is another process. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Remote {
    socket: PathBuf,
    key: Arc<str>,
}

impl Remote {
    /// The daemon of an endpoint, if it answers; none while it does not listen.
    pub(super) async fn reach(found: Endpoint) -> anyhow::Result<Option<Self>> {
        endpoint::check(&found)?;
        let remote = Self { key: endpoint::key(&found)?.into(), socket: found.socket };
        match remote.connect().await {
            Ok(_) => Ok(Some(remote)),
            Err(Trouble::NotThere) => Ok(None),
            Err(Trouble::Other(error)) => Err(error),
        }
    }

    /// A connection that has said its first word.
    async fn connect(&self) -> Result<(Value, Socket), Trouble> {
        tokio::time::timeout(FIRST_WORD, self.connected()).await.unwrap_or(Err(Trouble::NotThere))
    }

    async fn connected(&self) -> Result<(Value, Socket), Trouble> {
        let stream = match UnixStream::connect(&self.socket).await {
            Ok(stream) => stream,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
                return Err(Trouble::NotThere);
            }
            Err(error) => {
                return Err(Trouble::Other(
                    anyhow::Error::new(error).context(format!("cannot reach `{}`", self.socket.display())),
                ));
            }
        };
        let mut request = URL.into_client_request().map_err(anyhow::Error::from)?;
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", self.key))
            .map_err(|_| anyhow::anyhow!("the key of the daemon is none"))?;
        bearer.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, bearer);
        let limits = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let connected = tokio_tungstenite::client_async_with_config(request, stream, Some(limits)).await;
        let (mut socket, _) = match connected {
            Ok(connected) => connected,
            Err(SocketError::Http(response)) => {
                let status = response.status();
                return Err(anyhow::anyhow!("the daemon refuses this program: {status}").into());
            }
            // It went away in between.
            Err(_) => return Err(Trouble::NotThere),
        };
        match receive(&mut socket).await {
            Ok(init) if init["type"] == "init" => Ok((init, socket)),
            Ok(other) => Err(anyhow::anyhow!("the daemon begins with `{}`", other["type"]).into()),
            Err(_) => Err(Trouble::NotThere),
        }
    }

    /// A connection, and what was said first on it.
    pub(crate) async fn open(&self) -> Result<(Value, Socket), LinkError> {
        self.connect().await.map_err(|trouble| match trouble {
            Trouble::NotThere => LinkError::new("daemon_gone", "the daemon has ended"),
            Trouble::Other(error) => LinkError::new("daemon_gone", format!("{error:#}")),
        })
    }

    /// Begins to talk about a request.
    pub(crate) async fn begin(&self, kind: &str, fields: Value) -> Result<Talk, LinkError> {
        let (_, mut socket) = self.open().await?;
        let request = uuid::Uuid::new_v4().to_string();
        let mut message = json!({ "type": kind, "protocolVersion": PROTOCOL_VERSION, "clientId": CLIENT,
            "requestId": request });
        if let (Value::Object(message), Value::Object(fields)) = (&mut message, fields) {
            message.extend(fields.into_iter().filter(|(_, value)| !value.is_null()));
        }
        let sent = socket.send(Message::text(message.to_string())).await;
        sent.map_err(|error| LinkError::new("daemon_gone", format!("the daemon is gone: {error}")))?;
        Ok(Talk { socket, request })
    }

    /// Asks for something that is answered once.
    pub(crate) async fn ask(&self, kind: &str, fields: Value) -> Result<Value, LinkError> {
        let mut talk = self.begin(kind, fields).await?;
        let answer = talk.next().await;
        talk.end().await;
        answer
    }

    /// Has a prompt run. `before` is where the record ended before.
    pub(crate) async fn query(&self, prompt: &Prompt, before: Cursor) -> anyhow::Result<Answered> {
        let (mut text, mut images) = (String::new(), Vec::new());
        for block in &prompt.blocks {
            match block {
                omi_kernel::command::PromptBlock::Text { text: part } => text.push_str(part),
                omi_kernel::command::PromptBlock::Image { data, .. } => images.push(&data.0),
            }
        }
        if images.len() > 1 {
            bail!("a daemon that runs takes one picture; hint: end it first, or attach one");
        }
        let fields = json!({
            "prompt": text, "imageBase64": images.first(), "idempotencyKey": prompt.idempotency_key,
            "adapterId": prompt.adapter, "sessionId": prompt.session.id, "title": prompt.title,
            "surfaceKind": prompt.surface, "systemPrompt": prompt.system_prompt, "cwd": prompt.cwd,
            "mode": prompt.mode, "model": prompt.model, "modelProfile": prompt.profile,
            "timeoutMs": prompt.timeout_ms,
        });
        Ok(accepted(&self.ask("query", fields).await?, before)?)
    }

    /// Has a run tried again.
    pub(crate) async fn retry(&self, retry: &Retry, before: Cursor) -> Result<Answered, LinkError> {
        let fields = json!({ "runId": retry.run, "adapterId": retry.adapter, "model": retry.model,
            "checkpointArtifactId": retry.checkpoint, "anyway": retry.anyway });
        accepted(&self.ask("retry", fields).await?, before)
    }

    /// Has a run stopped.
    pub(crate) async fn cancel(&self, run: &RunId) -> Result<CancelAck, LinkError> {
        let ack = self.ask("interrupt", json!({ "runId": run })).await?;
        let is = |key: &str| ack[key] == true;
        let status = ack["status"].as_str().and_then(Status::parse);
        Ok(CancelAck {
            accepted: is("accepted"),
            attempt: ack["attemptId"].as_str().and_then(|id| AttemptId::parse(id).ok()),
            dispatch_attempted: is("dispatchAttempted"),
            adapter_acknowledged: is("adapterAcknowledged"),
            status: status
                .ok_or_else(|| LinkError::new("internal", "the daemon does not say where the run stands"))?,
        })
    }

    /// Answers a request for permission.
    pub(super) async fn approve(
        &self,
        attempt: &AttemptId,
        request: u32,
        answer: &Answer,
    ) -> Result<(), LinkError> {
        let (option, decision) = match answer {
            Answer::Selected { option_id } => (Some(option_id), None),
            Answer::Rejected { .. } => (None, Some("rejected")),
            // Only a deadline says the latter, and no person.
            Answer::Cancelled | Answer::Expired => (None, Some("cancelled")),
        };
        let fields = json!({ "attemptId": attempt, "approval": request, "optionId": option,
            "decision": decision });
        self.ask("approval_decision", fields).await.map(drop)
    }

    /// Answers a request for information, or for a log-in.
    pub(super) async fn provide_input(
        &self,
        attempt: &AttemptId,
        request: u32,
        answer: InputAnswer,
    ) -> Result<(), LinkError> {
        let (value, decision) = match answer {
            InputAnswer::Provided { value } => (Some(value), None),
            InputAnswer::Declined => (None, Some("declined")),
            InputAnswer::Cancelled | InputAnswer::Expired => (None, Some("cancelled")),
        };
        let fields =
            json!({ "attemptId": attempt, "request": request, "value": value, "decision": decision });
        self.ask("provide_input", fields).await.map(drop)
    }

    /// Changes a session.
    pub(crate) async fn update_session(
        &self,
        session: &SessionId,
        change: &SessionChange,
    ) -> Result<(), LinkError> {
        let fields = json!({ "sessionId": session, "title": change.title, "status": change.status,
            "metadata": change.metadata });
        self.ask("update_session", fields).await.map(drop)
    }

    /// Takes a grant back.
    pub(crate) async fn revoke_grant(&self, grant: &GrantId) -> Result<(), LinkError> {
        self.ask("revoke_grant", json!({ "grantId": grant })).await.map(drop)
    }

    /// Listens to everything after a cursor.
    pub(super) async fn subscribe(
        &self,
        filter: &SubscribeFilter,
        after: Option<Cursor>,
    ) -> Result<Talk, LinkError> {
        let fields = json!({ "sessionId": filter.session, "runId": filter.run, "afterCursor": after });
        let mut talk = self.begin("subscribe", fields).await?;
        // What comes after this is heard.
        talk.next().await?;
        Ok(talk)
    }
}

/// What came of a prompt or a retry, by the first that is said about it: what happened to its run before it was asked
/// for, or how that ended, is about one that was there before.
fn accepted(answer: &Value, before: Cursor) -> Result<Answered, LinkError> {
    let unsaid = || LinkError::new("internal", "the daemon does not say which run it is");
    let text = |key: &str| answer[key].as_str().unwrap_or_default();
    let is_new = answer["type"] != "result" && answer["cursor"].as_i64().is_some_and(|at| at > before.0);
    Ok(Answered::Accepted {
        session: SessionId::parse(text("sessionId")).map_err(|_| unsaid())?,
        run: RunId::parse(text("runId")).map_err(|_| unsaid())?,
        repeated: !is_new,
    })
}

/// What is said about one request, on a connection of its own.
pub(crate) struct Talk {
    socket: Socket,
    request: String,
}

impl Talk {
    /// The next that is said about it. An error is one that the daemon says.
    pub(crate) async fn next(&mut self) -> Result<Value, LinkError> {
        loop {
            let message = receive(&mut self.socket).await?;
            if message["requestId"] != *self.request {
                continue;
            }
            if message["type"] != "error" {
                return Ok(message);
            }
            let text = |key: &str| message[key].as_str().unwrap_or_default().to_owned();
            return Err(LinkError { code: text("code"), message: text("message") });
        }
    }

    /// Closes it in good order: a daemon that is gone does not mind.
    pub(crate) async fn end(mut self) {
        let _ = self.socket.close(None).await;
    }
}

/// The next message on a connection.
async fn receive(socket: &mut Socket) -> Result<Value, LinkError> {
    let gone = |why: String| LinkError::new("daemon_gone", why);
    loop {
        return match socket.next().await {
            Some(Ok(Message::Text(text))) => serde_json::from_str(&text)
                .map_err(|error| gone(format!("the daemon says what is no message: {error}"))),
            Some(Ok(Message::Close(_))) | None => Err(gone("the daemon has ended the connection".to_owned())),
            Some(Ok(_)) => continue,
            Some(Err(error)) => Err(gone(format!("the connection to the daemon is lost: {error}"))),
        };
    }
}

/// Why there is no connection.
enum Trouble {
    /// Nobody listens: it is starting or ending.
    NotThere,
    /// It does not work.
    Other(anyhow::Error),
}

impl From<anyhow::Error> for Trouble {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}
