//! Asks a person for permission, one request at a time.

use std::collections::VecDeque;
use std::io::BufRead as _;

use omi_kernel::command::Answer;
use omi_kernel::event::Event;
use omi_kernel::id::AttemptId;
use omi_kernel::permission::refusal;
use omi_kernel::report::{ApprovalOption, OptionKind};
use tokio::sync::mpsc;

use crate::client::Client;
use crate::terminal;

/// Lines that wait to be used: a person who types ahead.
const LINES_MAX: usize = 16;

/// A request that nobody has answered.
struct Asked {
    attempt: AttemptId,
    request: u32,
    title: String,
    options: Vec<ApprovalOption>,
}

/// The requests for permission of a run.
#[derive(Default)]
pub(super) struct Approvals {
    open: VecDeque<Asked>,
    /// The first one has been put to the person.
    asking: bool,
    /// Standard input, once somebody had to be asked.
    lines: Option<mpsc::Receiver<String>>,
}

impl Approvals {
    pub(super) fn requested(&mut self, event: &Event) {
        let Some(attempt) = event.attempt_id.clone() else { return };
        let request = event.payload["request"].as_u64().and_then(|number| u32::try_from(number).ok());
        let Some(request) = request else { return };
        self.open.push_back(Asked {
            attempt,
            request,
            title: terminal::plain(event.payload["title"].as_str().unwrap_or_default()),
            options: serde_json::from_value(event.payload["options"].clone()).unwrap_or_default(),
        });
    }

    pub(super) fn resolved(&mut self, event: &Event) {
        let is = |asked: &Asked| event.payload["request"].as_u64() == Some(u64::from(asked.request));
        if self.asking && self.open.front().is_some_and(is) {
            self.asking = false;
        }
        self.open.retain(|asked| !is(asked));
    }

    /// Puts the next request to the person, unless one is being asked already. Only a run that waits for a person
    /// has something to ask: what is decided automatically is resolved at once.
    pub(super) fn ask(&mut self) {
        let Some(asked) = self.open.front().filter(|_| !self.asking) else { return };
        terminal::note(&format!("? {}", asked.title));
        for (index, option) in asked.options.iter().enumerate() {
            let name = terminal::plain(&option.name);
            terminal::note(&format!("  {} {name} ({})", index + 1, meaning(&option.kind)));
        }
        terminal::note("  number, or an empty line to refuse:");
        self.asking = true;
        self.lines.get_or_insert_with(read_lines);
    }

    /// The next line of the person, while one is asked for; none at the end of standard input.
    pub(super) async fn answered(&mut self) -> Option<String> {
        match (&mut self.lines, self.asking) {
            (Some(lines), true) => lines.recv().await,
            _ => std::future::pending().await,
        }
    }

    pub(super) async fn answer(&mut self, line: Option<String>, client: &Client) {
        let Some(asked) = self.open.front() else { return };
        let answer = match choose(line.as_deref(), &asked.options) {
            Ok(answer) => answer,
            Err(why) => return terminal::note(&why),
        };
        // What was asked may have been withdrawn meanwhile; the event about it says so.
        if let Err(error) = client.answer(asked.attempt.clone(), asked.request, answer).await {
            terminal::error(&error.to_string());
        }
    }
}

fn choose(line: Option<&str>, options: &[ApprovalOption]) -> Result<Answer, String> {
    let line = line.unwrap_or_default().trim();
    if line.is_empty() {
        return Ok(refusal(options, "refused"));
    }
    let by_number = line.parse::<usize>().ok().and_then(|number| options.get(number.checked_sub(1)?));
    let chosen = by_number.or_else(|| options.iter().find(|option| option.option_id == line));
    match chosen {
        Some(option) => Ok(Answer::Selected { option_id: option.option_id.clone() }),
        None => Err(format!("  `{line}` is none of them; a number from 1 to {}:", options.len())),
    }
}

fn meaning(kind: &OptionKind) -> &str {
    match kind {
        OptionKind::AllowOnce => "allow once",
        OptionKind::AllowAlways => "allow always",
        OptionKind::RejectOnce => "refuse once",
        OptionKind::RejectAlways => "refuse always",
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

    fn options() -> Vec<ApprovalOption> {
        let option = |id: &str, kind| ApprovalOption { option_id: id.to_owned(), name: id.to_owned(), kind };
        vec![option("yes", OptionKind::AllowOnce), option("no", OptionKind::RejectOnce)]
    }

    fn selected(id: &str) -> Answer {
        Answer::Selected { option_id: id.to_owned() }
    }

    #[test]
    fn a_number_or_an_id_chooses() {
        assert_eq!(choose(Some("1"), &options()), Ok(selected("yes")));
        assert_eq!(choose(Some(" yes "), &options()), Ok(selected("yes")));
    }

    #[test]
    fn nothing_and_the_end_of_input_refuse() {
        assert_eq!(choose(Some(""), &options()), Ok(selected("no")));
        assert_eq!(choose(None, &options()), Ok(selected("no")));
    }

    #[test]
    fn anything_else_is_asked_again() {
        for line in ["0", "3", "maybe", "-1"] {
            assert!(choose(Some(line), &options()).is_err(), "{line}");
        }
    }
}
