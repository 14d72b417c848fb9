//! An attempt: the model is chosen, the conversation is sent, and the answer is told as it comes.

use omi_adapter_sdk::{
    Attempt, AttemptEvent, AttemptFinished, Binding, Event, Failure, HttpBody, HttpHead, HttpOutcome,
    HttpRequest, Millis, Op, Outcome, Outputs, Part, Progress, Scope, Usage, Why, log,
};

use crate::answer::{Answer, Words};
use crate::body::{self, Asked};
use crate::conversation::Conversation;
use crate::exchange::{Begin, Exchange, REMOTE};
use crate::failures::{Heard, broken, of_end, of_error};
use crate::models;
use crate::said::Piece;
use crate::worker::Shared;

/// The name of the one message in each answer.
const MESSAGE: &str = "answer";

/// Bytes of one piece of text that is told: the host keeps each as an event of its own.
const TEXT_BYTES_MAX: usize = 32 * 1024;

/// An attempt that goes on.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) attempt: Attempt,
    pub(crate) binding: Binding,
    pub(crate) run: String,
    prompt: Vec<Piece>,
    exchange: Exchange,
    step: Step,
    /// What was told of the answer.
    text: String,
    is_cancelled: bool,
}

#[derive(Debug)]
enum Step {
    /// Nobody named a model, so the server is asked which it has.
    Choosing,
    Answering {
        model: String,
        answer: Box<Answer>,
        with_usage: bool,
        model_told: bool,
    },
}

/// What an attempt was told to do.
pub(crate) struct Order {
    pub(crate) attempt: Attempt,
    pub(crate) binding: Binding,
    pub(crate) run: String,
    pub(crate) prompt: Vec<Piece>,
    pub(crate) model: Option<String>,
}

/// An attempt that is over.
pub(crate) struct Over {
    pub(crate) outcome: Outcome,
    pub(crate) usage: Option<Usage>,
}

impl From<Failure> for Over {
    fn from(failure: Failure) -> Self {
        Self { outcome: Outcome::Failed(failure), usage: None }
    }
}

impl Running {
    /// Begins with the first request of the attempt.
    pub(crate) fn begin(
        order: Order,
        conversation: &mut Conversation,
        now: Millis,
        shared: &mut Shared,
        out: &mut Outputs,
    ) -> Self {
        let Order { attempt, binding, run, prompt, model } = order;
        conversation.begin(binding, &run, &prompt, &mut shared.ops, out);
        let known = match shared.models.as_slice() {
            [only] => Some(only.clone()),
            [] | [_, ..] => None,
        };
        let (exchange, step) = match model.or(known) {
            Some(model) => ask(attempt, &run, &prompt, model, conversation, now, shared, out),
            None => {
                let begin = begin(attempt, now, shared);
                let request = models::request(&shared.config);
                (Exchange::begin(&begin, request, &mut shared.ops, out), Step::Choosing)
            }
        };
        Self { attempt, binding, run, prompt, exchange, step, text: String::new(), is_cancelled: false }
    }

    /// Whether a request or a timer is one of this attempt.
    pub(crate) fn waits_for(&self, op: Op) -> bool {
        op == self.exchange.op || op == self.exchange.timer
    }

    pub(crate) fn head(&mut self, head: HttpHead, now: Millis) {
        self.exchange.head(head, now);
    }

    pub(crate) fn hear(&mut self, body: &HttpBody, now: Millis, out: &mut Outputs) -> Option<Over> {
        self.exchange.heard(now);
        let is_success = self.exchange.is_success();
        let Step::Answering { answer, .. } = &mut self.step else {
            self.exchange.keep(&body.data);
            return None;
        };
        if !is_success {
            self.exchange.keep(&body.data);
            return None;
        }
        let (words, is_done) = match answer.push(&body.data, body.end) {
            Ok(words) => (words, answer.is_done),
            Err(failure) => return Some(self.give_up(failure.into(), out)),
        };
        self.tell(&words, out);
        // Some servers keep the connection open after the last event.
        if !is_done {
            return None;
        }
        self.exchange.abort(out);
        Some(self.over(&HttpOutcome::Complete, out))
    }

    /// The request is over; so is the attempt, unless another request follows.
    pub(crate) fn end(
        &mut self,
        end: &HttpOutcome,
        conversation: &mut Conversation,
        now: Millis,
        shared: &mut Shared,
        out: &mut Outputs,
    ) -> Option<Over> {
        self.exchange.forget(out);
        let asked = match &self.step {
            Step::Choosing => None,
            Step::Answering { model, with_usage, .. } => Some((model.clone(), *with_usage)),
        };
        if self.is_cancelled && !(asked.is_some() && self.exchange.is_success()) {
            return Some(Over { outcome: Outcome::Cancelled, usage: None });
        }
        let refusal = self.exchange.refusal();
        let model = match (asked, refusal) {
            (None, _) => {
                let models = models::of_answer(&shared.config, &self.exchange, end);
                match models.and_then(|models| models::only(&models)) {
                    Ok(model) => model,
                    Err(failure) => return Some(failure.into()),
                }
            }
            (Some((model, true)), Some(refusal)) if refusal.is_about_usage() => {
                log::info("the server does not tell the use of a stream");
                shared.asks_for_usage = false;
                model
            }
            (Some(_), Some(refusal)) => {
                let path = shared.config.path("/chat/completions");
                return Some(refusal.failure(&path, &shared.models).into());
            }
            (Some(_), None) => return Some(self.over(end, out)),
        };
        let (attempt, run) = (self.attempt, &self.run);
        (self.exchange, self.step) = ask(attempt, run, &self.prompt, model, conversation, now, shared, out);
        None
    }

    /// The request was not sent.
    pub(crate) fn refused(&mut self, why: Why, out: &mut Outputs) -> Over {
        self.exchange.forget(out);
        if self.is_cancelled {
            return Over { outcome: Outcome::Cancelled, usage: None };
        }
        Failure::from(why).into()
    }

    /// The timer is due.
    pub(crate) fn due(&mut self, now: Millis, shared: &mut Shared, out: &mut Outputs) -> Option<Over> {
        if !self.exchange.is_silent(now, &mut shared.ops, out) {
            return None;
        }
        let message = format!(
            "the server said nothing for {} ms; hint: `silenceMs` in `[config]`",
            shared.config.silence_ms
        );
        let failure = broken("silent", message, !self.text.is_empty());
        Some(self.give_up(failure.into(), out))
    }

    /// Closing the request is all that can be done.
    pub(crate) fn cancel(&mut self, out: &mut Outputs) {
        self.is_cancelled = true;
        self.exchange.abort(out);
    }

    /// Nobody waits for the request any more.
    pub(crate) fn give_up(&mut self, over: Over, out: &mut Outputs) -> Over {
        self.exchange.abort(out);
        self.exchange.forget(out);
        over
    }

    /// Tells how it ended; gives what was answered.
    pub(crate) fn finish(self, over: Over, out: &mut Outputs) -> String {
        if !self.text.is_empty() {
            out.push(AttemptEvent::new(self.attempt, Event::MessageEnd(MESSAGE.to_owned())));
        }
        out.push(AttemptFinished::new(self.attempt, over.outcome, over.usage));
        self.text
    }

    fn tell(&mut self, words: &Words, out: &mut Outputs) {
        let Step::Answering { answer, model_told, .. } = &mut self.step else { return };
        if let Some(model) = answer.model.as_ref().filter(|_| !*model_told) {
            *model_told = true;
            out.push(AttemptEvent::new(self.attempt, Event::ModelUsed(model.clone())));
        }
        for piece in pieces(&words.thought) {
            out.push(AttemptEvent::new(self.attempt, Event::ThoughtDelta(piece.to_owned())));
        }
        for piece in pieces(&words.text) {
            out.push(AttemptEvent::text(self.attempt, MESSAGE, piece));
        }
        self.text.push_str(&words.text);
    }

    /// The answer is over.
    fn over(&mut self, end: &HttpOutcome, out: &mut Outputs) -> Over {
        self.exchange.forget(out);
        if let Step::Answering { answer, .. } = &mut self.step {
            let words = answer.end();
            self.tell(&words, out);
        }
        let has_spoken = !self.text.is_empty();
        let heard = match self.exchange.status {
            _ if has_spoken => Heard::Words,
            Some(_) => Heard::Head,
            None => Heard::Nothing,
        };
        let Step::Answering { answer, .. } = &mut self.step else { return of_end(end, heard).into() };
        let outcome = match (&answer.error, answer.finish.as_deref()) {
            (Some(error), _) => Outcome::Failed(of_error(error, has_spoken)),
            (None, None) if self.is_cancelled => Outcome::Cancelled,
            (None, None) if *end == HttpOutcome::Complete && heard == Heard::Head && !answer.is_chat => {
                let message = "the server answered with something that is no chat completion; \
                               hint: `basePath` in `[config]`";
                Outcome::Failed(Failure::fatal("bad_answer", message))
            }
            (None, None) => Outcome::Failed(of_end(end, heard)),
            (None, Some(word)) => {
                let is_empty = self.text.trim().is_empty() && !answer.has_thought;
                finished(word, answer.refused, has_spoken, is_empty)
            }
        };
        Over { outcome, usage: answer.usage.take() }
    }
}

/// What the server's word for the end of an answer means.
fn finished(word: &str, refused: bool, has_spoken: bool, is_empty: bool) -> Outcome {
    let fatal = |code: &str, message: &str| Outcome::Failed(Failure::fatal(code, message));
    match word {
        "content_filter" => fatal("content_filtered", "the server's filter cut the answer off"),
        "tool_calls" | "function_call" => {
            fatal("tool_calls", "the model wants to call a tool, and a plain chat offers none")
        }
        "error" | "abort" => {
            let message = format!("the server broke the answer off: `{word}`");
            Outcome::Failed(broken("server_error", message, has_spoken))
        }
        _ if refused => fatal("model_refused", "the model refused the prompt"),
        // The limit may be spent on thoughts that a server does not show.
        word if is_empty && word != "length" => {
            let message = format!("the model ended its answer without a word: `{word}`");
            Outcome::Failed(Failure::fatal("empty_turn", message))
        }
        word => Outcome::succeeded(word),
    }
}

/// Sends the conversation.
#[expect(
    clippy::too_many_arguments,
    reason = "it is called from two places that have these in different records"
)]
fn ask(
    attempt: Attempt,
    run: &str,
    prompt: &[Piece],
    model: String,
    conversation: &mut Conversation,
    now: Millis,
    shared: &mut Shared,
    out: &mut Outputs,
) -> (Exchange, Step) {
    let system_prompt = conversation.system_prompt.clone();
    let (turns, left_out) = conversation.before(run, shared.config.context_chars, out);
    let with_usage = shared.asks_for_usage;
    let asked =
        Asked { model: &model, system_prompt: system_prompt.as_deref(), turns: &turns, prompt, with_usage };
    let parts = body::parts(&shared.config, &asked);
    if left_out > 0 {
        let text = format!("{left_out} earlier turns of the session are not sent to the model");
        let progress = Progress { text, extra: String::new() };
        out.push(AttemptEvent::new(attempt, Event::Progress(progress)));
    }
    let begin = begin(attempt, now, shared);
    let path = shared.config.path("/chat/completions");
    let request = |op, scope| chat(op, scope, path, parts);
    let exchange = Exchange::begin(&begin, request, &mut shared.ops, out);
    let answer = Box::default();
    (exchange, Step::Answering { model, answer, with_usage, model_told: false })
}

fn chat(op: Op, scope: Scope, path: String, parts: Vec<Part>) -> HttpRequest {
    let request = HttpRequest::new(op, scope, REMOTE, "POST", path)
        .header("content-type", "application/json")
        .header("accept", "text/event-stream, application/json");
    HttpRequest { body: parts, ..request }
}

fn begin(attempt: Attempt, now: Millis, shared: &Shared) -> Begin {
    Begin { scope: Scope::Attempt(attempt), now, silence_ms: shared.config.silence_ms }
}

/// A text in pieces of a bounded size; nothing of an empty one.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(TEXT_BYTES_MAX));
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}
