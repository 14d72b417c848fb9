//! One request, from its check to the last byte of its answer, redirects included.

use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use reqwest::header::{CONTENT_LENGTH, HeaderMap};
use reqwest::{Method, Response, Url};

use super::{HttpRequest, May, Remote, body, headers, redirect, target};
use crate::inbox::{Inbox, Item};
use crate::input::{HttpOutcome, Input, Op};
use crate::limits;
use crate::text::cut;

/// Bytes of an error: it is one line of somebody's log.
const ERROR_BYTES: usize = 1024;

/// What is sent: at first what the adapter asked for, then what redirects made of it.
#[derive(Clone)]
pub(super) struct Step {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Why a request is over.
pub(super) enum Over {
    /// Nobody is there to be told.
    Worker,
    /// What an adapter is told.
    Failed(String),
}

impl From<String> for Over {
    fn from(why: String) -> Self {
        Self::Failed(why)
    }
}

/// Sends a request and tells its answer.
pub(super) async fn run(remote: &Remote, request: HttpRequest, may: May, inbox: &Arc<Inbox>) -> HttpOutcome {
    match tokio::time::timeout(remote.timeout, perform(remote, request, &may, inbox)).await {
        Err(_) => HttpOutcome::TimedOut,
        Ok(Ok(())) => HttpOutcome::Complete,
        Ok(Err(Over::Worker)) => HttpOutcome::Aborted,
        Ok(Err(Over::Failed(why))) => {
            HttpOutcome::Failed(cut(one_line(&remote.hidden.text(&why)), ERROR_BYTES))
        }
    }
}

async fn perform(remote: &Remote, request: HttpRequest, may: &May, inbox: &Arc<Inbox>) -> Result<(), Over> {
    let (op, framing) = (request.op, request.framing);
    let answer = answer(remote, remote.first_step(request)?, may).await?;
    tell_head(op, &answer, remote, inbox)?;
    body::tell(op, answer, framing, remote, inbox).await
}

/// The answer that redirects nowhere.
async fn answer(remote: &Remote, mut step: Step, may: &May) -> Result<Response, String> {
    for _ in 0..=limits::REDIRECTS {
        let answer = remote.send(step.clone()).await?;
        match redirect::next(remote, &step, answer.status(), answer.headers(), may)? {
            None => return Ok(answer),
            Some(next) => step = next,
        }
    }
    let origin = remote.origin.origin().ascii_serialization();
    Err(format!("`{origin}` redirects more than {} times", limits::REDIRECTS))
}

fn tell_head(op: Op, answer: &Response, remote: &Remote, inbox: &Inbox) -> Result<(), Over> {
    let headers = headers::to_tell(answer.headers(), &remote.hidden)?;
    let status = answer.status().as_u16();
    if inbox.tell(Item::Input(Input::HttpHead { op, status, headers })) { Ok(()) } else { Err(Over::Worker) }
}

impl Remote {
    /// Checks that a method is allowed here.
    pub(super) fn check_method(&self, method: &str) -> Result<(), String> {
        target::check_method(method)?;
        if self.methods.iter().any(|allowed| allowed == method) {
            return Ok(());
        }
        Err(format!(
            "the grant `{0}` does not allow the method `{method}`; hint: `methods` in `grants.{0}`",
            self.grant
        ))
    }

    fn first_step(&self, request: HttpRequest) -> Result<Step, String> {
        self.check_method(&request.method)?;
        let method = Method::from_bytes(request.method.as_bytes());
        Ok(Step {
            method: method.map_err(|error| error.to_string())?,
            url: target::at(&self.origin, &request.path)?,
            headers: headers::to_send(&request.headers, &self.secrets)?,
            body: request.body.into(),
        })
    }

    async fn send(&self, step: Step) -> Result<Response, String> {
        let says_no_body =
            step.body.is_empty() && matches!(step.method, Method::POST | Method::PUT | Method::PATCH);
        let mut request = self.client.request(step.method, step.url).headers(step.headers);
        if says_no_body {
            // Some servers wait for a body that is not said to be empty.
            request = request.header(CONTENT_LENGTH, 0);
        } else if !step.body.is_empty() {
            request = request.body(step.body);
        }
        request.send().await.map_err(|error| {
            format!("no answer from `{}`: {}", self.origin.origin().ascii_serialization(), cause(&error))
        })
    }
}

/// What an error comes down to: what it says itself names the whole address.
pub(super) fn cause(error: &reqwest::Error) -> String {
    let mut deepest: Option<&dyn Error> = error.source();
    while let Some(deeper) = deepest.and_then(Error::source) {
        deepest = Some(deeper);
    }
    deepest.map_or_else(|| "the request failed".to_owned(), ToString::to_string)
}

fn one_line(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}
