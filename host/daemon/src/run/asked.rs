//! Asks a person: for a permission, for information, for a way to log in. One question at a time.

use std::collections::VecDeque;
use std::io::BufRead as _;

use omi_kernel::command::{Answer, InputAnswer};
use omi_kernel::event::{Event, EventKind};
use omi_kernel::id::AttemptId;
use omi_kernel::permission::refusal;
use omi_kernel::report::{ApprovalOption, AuthMethod, OptionKind};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::answer;
use crate::link::{Link, LinkError};
use crate::terminal::{self, plain};

/// Lines that wait to be used: a person who types ahead.
const LINES_MAX: usize = 16;

/// A request that nobody has answered.
struct Question {
    attempt: AttemptId,
    request: u32,
    title: String,
    /// What an adapter wants to open, whole, where the title has only its beginning.
    whole: Option<String>,
    /// Why an adapter needs what it asks for, in its own words.
    reason: Option<String>,
    what: What,
}

/// What is asked for.
enum What {
    Permission(Vec<ApprovalOption>),
    Information {
        /// A JSON Schema of the answer; null means free text.
        schema: Value,
        url: Option<String>,
    },
    LogIn(Vec<AuthMethod>),
}

/// What a line of the person says.
#[derive(Debug, PartialEq)]
enum Said {
    Approval(Answer),
    Input(InputAnswer),
}

/// Where the first of the questions stands.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum First {
    /// It has not been put to the person.
    #[default]
    Waits,
    /// It has, and a line is its answer.
    Asked,
    /// The answer is given: a line that is typed ahead is for the next one.
    Answered,
}

/// The requests of a run to a person.
#[derive(Default)]
pub(super) struct Questions {
    open: VecDeque<Question>,
    /// Nobody is here: they are shown, with the command that answers each.
    elsewhere: bool,
    /// Where the first one stands.
    first: First,
    /// Standard input, once somebody had to be asked.
    lines: Option<mpsc::Receiver<String>>,
}

impl Questions {
    /// The requests of a run, which are put to the person if there is one.
    pub(super) fn new(person: bool) -> Self {
        Self { elsewhere: !person, ..Self::default() }
    }

    pub(super) fn requested(&mut self, event: &Event) {
        let payload = &event.payload;
        let request = payload["request"].as_u64().and_then(|number| u32::try_from(number).ok());
        let Some((attempt, request)) = event.attempt_id.clone().zip(request) else { return };
        let text = |key: &str| plain(payload[key].as_str().unwrap_or_default());
        let list = |key: &str| payload[key].clone();
        let (title, what) = if event.kind == EventKind::ApprovalRequested {
            (text("title"), What::Permission(serde_json::from_value(list("options")).unwrap_or_default()))
        } else if payload["kind"] == "authentication" {
            (text("prompt"), What::LogIn(serde_json::from_value(list("methods")).unwrap_or_default()))
        } else {
            let url = payload["url"].as_str().map(plain);
            (text("prompt"), What::Information { schema: payload["schema"].clone(), url })
        };
        let reason = payload["reason"].as_str().filter(|reason| !reason.is_empty()).map(plain);
        let resource = payload["details"]["access"]["resource"].as_str().map(plain);
        let whole = resource.filter(|resource| !title.contains(resource.as_str()));
        self.open.push_back(Question { attempt, request, title, whole, reason, what });
    }

    pub(super) fn resolved(&mut self, event: &Event) {
        let is = |question: &Question| {
            event.attempt_id.as_ref() == Some(&question.attempt)
                && event.payload["request"].as_u64() == Some(u64::from(question.request))
        };
        if self.open.front().is_some_and(is) {
            self.first = First::Waits;
        }
        self.open.retain(|question| !is(question));
    }

    /// Puts the next request to the person, unless one is being asked already. Only a run that waits for a person
    /// has something to ask: what is decided automatically is resolved at once.
    pub(super) fn ask(&mut self) {
        let Some(question) = self.open.front().filter(|_| self.first == First::Waits) else { return };
        if self.elsewhere {
            self.first = First::Answered;
            return terminal::note(&format!("? {}; hint: {}", question.title, question.command()));
        }
        question.put();
        self.first = First::Asked;
        self.lines.get_or_insert_with(read_lines);
    }

    /// The person is being asked.
    pub(super) fn asks(&self) -> bool {
        self.first == First::Asked
    }

    /// The next line of the person, while one is asked for; none at the end of standard input.
    pub(super) async fn answered(&mut self) -> Option<String> {
        match (&mut self.lines, self.first) {
            (Some(lines), First::Asked) => lines.recv().await,
            (Some(_) | None, First::Waits | First::Answered) | (None, First::Asked) => {
                std::future::pending().await
            }
        }
    }

    pub(super) async fn answer(&mut self, line: Option<String>, link: &Link) {
        let Some(question) = self.open.front() else { return };
        let said = match question.what.said(line.as_deref()) {
            Ok(said) => said,
            Err(why) => return terminal::note(&why),
        };
        let (attempt, request) = (question.attempt.clone(), question.request);
        let told = match said {
            Said::Approval(answer) => link.approve(attempt, request, answer).await,
            Said::Input(answer) => link.provide_input(attempt, request, answer).await,
        };
        self.answered_with(told, line.is_none());
    }

    /// Takes in what became of the answer. What could not be recorded is asked for again, if anybody is there.
    fn answered_with(&mut self, told: Result<(), LinkError>, nobody: bool) {
        match told {
            Ok(()) => self.first = First::Answered,
            Err(error) => {
                terminal::error(&error.to_string());
                // What was asked may have been withdrawn meanwhile; the event about it says so.
                if nobody || error.code == "no_open_request" {
                    self.first = First::Answered;
                }
            }
        }
    }
}

impl Question {
    /// The command that answers it elsewhere.
    fn command(&self) -> String {
        let of = self.attempt.as_str();
        match &self.what {
            What::Permission(options) => {
                let ids: Vec<String> = options.iter().map(|option| option.option_id.clone()).collect();
                answer::to_approve(of, self.request, &ids)
            }
            What::Information { .. } => answer::to_answer(of, self.request, &[]),
            What::LogIn(methods) => {
                let ids: Vec<String> = methods.iter().map(|method| method.id.clone()).collect();
                answer::to_answer(of, self.request, &ids)
            }
        }
    }

    fn put(&self) {
        terminal::note(&format!("? {}", self.title));
        if let Some(whole) = &self.whole {
            terminal::note(&format!("  in full: {whole}"));
        }
        if let Some(reason) = &self.reason {
            terminal::note(&format!("  its reason: {reason}"));
        }
        match &self.what {
            What::Permission(options) => {
                for (index, option) in options.iter().enumerate() {
                    terminal::note(&format!(
                        "  {} {} ({})",
                        index + 1,
                        plain(&option.name),
                        meaning(&option.kind)
                    ));
                }
                terminal::note("  number, or an empty line to refuse:");
            }
            What::Information { schema, url } => {
                if let Some(url) = url {
                    terminal::note(&format!("  see {url}"));
                }
                if schema.is_null() {
                    terminal::note("  your answer, or an empty line to say nothing:");
                } else {
                    terminal::note(&format!("  as JSON Schema: {}", plain(&schema.to_string())));
                    terminal::note("  your answer as JSON, or an empty line to say nothing:");
                }
            }
            What::LogIn(methods) => {
                for (index, method) in methods.iter().enumerate() {
                    let (name, about) = (plain(&method.name), plain(&method.description));
                    terminal::note(&format!("  {} {name} ({}) {about}", index + 1, plain(&method.id)));
                }
                terminal::note("  number of a way to log in, or an empty line to give up:");
            }
        }
    }
}

impl What {
    /// What a line says; none is the end of standard input. The error is said to the person, who may try again.
    fn said(&self, line: Option<&str>) -> Result<Said, String> {
        let line = line.unwrap_or_default().trim();
        match self {
            Self::Permission(options) if line.is_empty() => Ok(Said::Approval(refusal(options, "refused"))),
            Self::Permission(options) => {
                let chosen = choose(line, options, |option| &option.option_id)?;
                Ok(Said::Approval(Answer::Selected { option_id: chosen.option_id.clone() }))
            }
            Self::Information { .. } | Self::LogIn(_) if line.is_empty() => {
                Ok(Said::Input(InputAnswer::Declined))
            }
            Self::Information { schema, .. } => {
                let value = information(line, schema)?;
                Ok(Said::Input(InputAnswer::Provided { value }))
            }
            Self::LogIn(methods) => {
                let chosen = choose(line, methods, |method| &method.id)?;
                Ok(Said::Input(InputAnswer::Provided { value: Value::from(chosen.id.clone()) }))
            }
        }
    }
}

/// Where the answer has a schema it is JSON; a text need not be quoted.
pub(crate) fn information(line: &str, schema: &Value) -> Result<Value, String> {
    match serde_json::from_str::<Value>(line) {
        _ if schema.is_null() => Ok(Value::from(line)),
        Ok(value) if schema["type"] != "string" || value.is_string() => Ok(value),
        Ok(_) | Err(_) if schema["type"] == "string" => Ok(Value::from(line)),
        Ok(_) | Err(_) => Err(format!("  `{line}` is no JSON; an answer like the schema says:")),
    }
}

fn choose<'t, T>(line: &str, all: &'t [T], id: impl Fn(&T) -> &str) -> Result<&'t T, String> {
    let by_number = line.parse::<usize>().ok().and_then(|number| all.get(number.checked_sub(1)?));
    let chosen = by_number.or_else(|| all.iter().find(|one| id(one) == line));
    chosen.ok_or_else(|| format!("  `{line}` is none of them; a number from 1 to {}:", all.len()))
}

fn meaning(kind: &OptionKind) -> &str {
    match kind {
        OptionKind::AllowOnce => "allow once",
        OptionKind::AllowAlways => "allow always",
        OptionKind::RejectOnce => "refuse once",
        OptionKind::RejectAlways => "refuse always",
        OptionKind::Other(kind) if kind == "allow_session" => "allow in this session",
        OptionKind::Other(kind) => kind,
    }
}

/// Reads standard input on a thread of its own: a read that never returns must not keep the program from ending.
fn read_lines() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(LINES_MAX);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn permission() -> What {
        let option = |id: &str, kind| ApprovalOption { option_id: id.to_owned(), name: id.to_owned(), kind };
        What::Permission(vec![option("yes", OptionKind::AllowOnce), option("no", OptionKind::RejectOnce)])
    }

    fn log_in() -> What {
        let method = |id: &str| AuthMethod {
            id: id.to_owned(),
            kind: "agent".to_owned(),
            name: id.to_owned(),
            description: String::new(),
        };
        What::LogIn(vec![method("browser"), method("key")])
    }

    fn selected(id: &str) -> Said {
        Said::Approval(Answer::Selected { option_id: id.to_owned() })
    }

    fn provided(value: Value) -> Said {
        Said::Input(InputAnswer::Provided { value })
    }

    #[test]
    fn a_number_or_an_id_chooses() {
        assert_eq!(permission().said(Some("1")), Ok(selected("yes")));
        assert_eq!(permission().said(Some(" yes ")), Ok(selected("yes")));
        assert_eq!(log_in().said(Some("2")), Ok(provided(json!("key"))));
        assert_eq!(log_in().said(Some("browser")), Ok(provided(json!("browser"))));
    }

    #[test]
    fn nothing_and_the_end_of_input_refuse() {
        let free = What::Information { schema: Value::Null, url: None };
        for line in [Some(""), Some("  "), None] {
            assert_eq!(permission().said(line), Ok(selected("no")));
            assert_eq!(free.said(line), Ok(Said::Input(InputAnswer::Declined)));
            assert_eq!(log_in().said(line), Ok(Said::Input(InputAnswer::Declined)));
        }
    }

    #[test]
    fn a_question_about_an_access_has_four_answers_and_nothing_denies_it() {
        let option = |id: &str, kind| ApprovalOption { option_id: id.to_owned(), name: id.to_owned(), kind };
        let access = What::Permission(vec![
            option("once", OptionKind::AllowOnce),
            option("session", OptionKind::Other("allow_session".to_owned())),
            option("always", OptionKind::AllowAlways),
            option("deny", OptionKind::RejectOnce),
        ]);
        for (line, id) in [("1", "once"), ("2", "session"), ("always", "always"), ("4", "deny"), ("", "deny")]
        {
            assert_eq!(access.said(Some(line)), Ok(selected(id)), "{line}");
        }
        assert_eq!(meaning(&OptionKind::Other("allow_session".to_owned())), "allow in this session");
    }

    #[test]
    fn anything_else_is_asked_again() {
        for line in ["0", "3", "maybe", "-1"] {
            assert!(permission().said(Some(line)).is_err(), "{line}");
            assert!(log_in().said(Some(line)).is_err(), "{line}");
        }
    }

    #[test]
    fn information_is_text_unless_a_schema_says_otherwise() {
        let free = What::Information { schema: Value::Null, url: None };
        assert_eq!(free.said(Some("42")), Ok(provided(json!("42"))));
        let with = |schema: Value| What::Information { schema, url: None };
        assert_eq!(with(json!({ "type": "integer" })).said(Some("42")), Ok(provided(json!(42))));
        assert_eq!(with(json!({ "type": "string" })).said(Some("42")), Ok(provided(json!("42"))));
        assert_eq!(with(json!({ "type": "string" })).said(Some("\"a b\"")), Ok(provided(json!("a b"))));
        assert!(with(json!({ "type": "object" })).said(Some("{")).is_err());
    }
}
