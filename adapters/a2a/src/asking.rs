//! What the agent asks a person: input, or a log-in elsewhere.

use omi_adapter_sdk::{Answer, Attempt, Outputs, RequestInput, WithdrawRequest};
use serde_json::Value;

use crate::link::Link;
use crate::outbox::{Outbox, Sink};
use crate::reading::{Message, State};
use crate::turn::{Asked, Turn, Why};
use crate::wire::{LetterPart, Method};
use crate::worker::Worker;

/// The code of an attempt that nobody answered for.
const DECLINED: &str = "input_declined";
const EXPIRED: &str = "input_expired";
const CANCELLED: &str = "input_cancelled";

impl Worker {
    /// Ask what the task waits for, once.
    pub(crate) fn ask(&mut self, attempt: Attempt, out: &mut Outputs) {
        let Some(turn) = self.turns.get_mut(&attempt) else { return };
        let is_asked = turn.asked.as_ref().is_some_and(|asked| asked.key == turn.key);
        if is_asked || turn.repeats_question() || turn.cancel.is_some() {
            return;
        }
        turn.withdraw(&mut self.outbox, out);
        self.last_request += 1;
        let is_log_in = turn.state == State::AuthRequired;
        let words = turn.words.as_ref().map(Message::text).filter(|words| !words.trim().is_empty());
        let prompt = words.unwrap_or_else(|| {
            let what = if is_log_in {
                "wants a log-in and does not say which"
            } else {
                "asks and does not say what"
            };
            format!("The agent {what}.")
        });
        let url = turn.words.as_ref().filter(|_| is_log_in).and_then(Message::page);
        let request = self.last_request;
        turn.asked = Some(Asked { request, key: turn.key.clone(), is_log_in });
        turn.said.end_message(&mut sink(attempt, &mut self.outbox, &mut self.link, out));
        let asks =
            RequestInput { request, attempt, prompt, schema: String::new(), url, extra: String::new() };
        self.outbox.push(asks, out);
    }

    /// The task waits no more: a log-in was seen elsewhere.
    pub(crate) fn withdraw(&mut self, attempt: Attempt, out: &mut Outputs) {
        let now = self.now;
        let Some(turn) = self.turns.get_mut(&attempt).filter(|turn| turn.asked.is_some()) else { return };
        turn.withdraw(&mut self.outbox, out);
        turn.begin_anew(now);
    }

    /// A person answered, or nobody did.
    pub(crate) fn provided(&mut self, request: u32, answer: Answer, out: &mut Outputs) {
        let now = self.now;
        let is_it = |turn: &&mut Turn| turn.asked.as_ref().is_some_and(|asked| asked.request == request);
        let Some(turn) = self.turns.values_mut().find(is_it) else { return };
        let Some(asked) = turn.asked.take() else { return };
        let attempt = turn.attempt;
        let code = match answer {
            Answer::Provided(json) => {
                turn.answered = Some(asked.key);
                turn.state = State::Working;
                turn.begin_anew(now);
                return self.go_on(attempt, asked.is_log_in, &json, out);
            }
            Answer::Declined => DECLINED,
            Answer::Expired => EXPIRED,
            Answer::Cancelled => CANCELLED,
        };
        self.begin_cancel(attempt, Why::Unanswered(code), 0, out);
    }

    fn go_on(&mut self, attempt: Attempt, is_log_in: bool, json: &str, out: &mut Outputs) {
        let value: Value = serde_json::from_str(json).unwrap_or_else(|_| json.into());
        let part = match value {
            Value::String(text) => LetterPart::Text { text, name: None },
            data => LetterPart::Data(data),
        };
        let is_empty = match &part {
            LetterPart::Text { text, .. } => text.trim().is_empty(),
            LetterPart::Data(data) => data.is_null(),
            LetterPart::Media(_) | LetterPart::Link { .. } => false,
        };
        if is_log_in && is_empty {
            // The log-in was done elsewhere: the agent sees that, or says again what it wants.
            if !self.is_followed(attempt) {
                self.again(attempt, out);
            }
            return;
        }
        // The answer has a stream of its own; with the old one everything would be heard twice.
        self.link.abort(attempt, Method::streams, out);
        self.link.clear(crate::link::Due::Again(attempt), out);
        self.send(attempt, vec![part], out);
    }
}

impl Turn {
    /// Take the open question back.
    pub(crate) fn withdraw(&mut self, outbox: &mut Outbox, out: &mut Outputs) {
        if let Some(asked) = self.asked.take() {
            outbox.push(omi_adapter_sdk::Output::WithdrawRequest(WithdrawRequest::new(asked.request)), out);
        }
    }
}

fn sink<'a>(attempt: Attempt, outbox: &'a mut Outbox, link: &'a mut Link, out: &'a mut Outputs) -> Sink<'a> {
    Sink { attempt, outbox, link, out }
}
