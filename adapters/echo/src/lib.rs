//! The smallest complete adapter: it answers a prompt with its text, word by word. Read it before you write one.
//!
//! It needs no grant and asks for no effect. What happens to it is the whole life of any adapter:
//! `start` → `ready`; `open-binding` → `binding-opened`; `execute-attempt` → events → `attempt-finished`.

use omi_adapter_sdk::{
    Attempt, AttemptEvent, AttemptFinished, BindingFailed, BindingOpened, CancelAnswer, Capabilities,
    Descriptor, Event, ExecuteAttempt, Failure, Fidelity, Host, Input, Outcome, PromptBlock, Ready, Session,
    log,
};

/// Answers with the prompt.
pub struct Echo;

omi_adapter_sdk::export_session!(Echo);

impl Session for Echo {
    fn describe() -> Descriptor {
        Descriptor {
            adapter_id: "echo".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            title: "Echo".to_owned(),
            protocol: "none".to_owned(),
            capabilities: Capabilities { bindings_per_worker: 16, ..Capabilities::least() },
            grants: Vec::new(),
            config_schema: String::new(),
            extra: String::new(),
        }
    }

    async fn run(host: Host) {
        loop {
            match host.next_input().await {
                Input::Start(start) => {
                    log::debug(&format!("started for `{}`", start.registration));
                    host.send(Ready::new(concat!("echo ", env!("CARGO_PKG_VERSION"))));
                }
                Input::OpenBinding(open) => {
                    let native_id = format!("echo-{}", open.binding);
                    host.send(BindingOpened::new(open.binding, native_id, Fidelity::None));
                }
                // An echo remembers nothing, so there is nothing to take up.
                Input::ResumeBinding(resume) => {
                    let failure = Failure::stale("not_kept", "an echo session ends with its worker");
                    host.send(BindingFailed::new(resume.binding, failure));
                }
                Input::ExecuteAttempt(execute) => echo(&host, &execute),
                // An attempt is finished in the call that begins it, so a cancellation always comes too late.
                Input::CancelAttempt(cancel) => {
                    host.send(CancelAnswer::new(cancel.attempt, false, false).because("the attempt is over"));
                }
                Input::Stop(_) => return,
                // Everything else answers a request or an effect, and this adapter makes none.
                _ => {}
            }
        }
    }
}

/// Words of a prompt that come back one by one.
const WORDS_MAX: usize = 256;

fn echo(host: &Host, execute: &ExecuteAttempt) {
    for (number, block) in execute.prompt.iter().enumerate() {
        // Every message has a name, so that its pieces are known to belong together.
        let message = format!("echo-{number}");
        match block {
            PromptBlock::Text(text) => {
                for piece in pieces(text) {
                    say(host, execute.attempt, &message, piece);
                }
            }
            PromptBlock::Image(media) | PromptBlock::Audio(media) => {
                say(host, execute.attempt, &message, &format!("[{}, {} bytes]", media.mime_type, media.size));
            }
            PromptBlock::Link(link) => say(host, execute.attempt, &message, &link.uri),
            PromptBlock::Embedded(embedded) => say(host, execute.attempt, &message, &embedded.text),
            PromptBlock::Other(json) => say(host, execute.attempt, &message, json),
        }
        host.send(AttemptEvent::new(execute.attempt, Event::MessageEnd(message)));
    }
    host.send(AttemptFinished::new(execute.attempt, Outcome::succeeded("end_turn"), None));
}

/// Word by word, as an agent would; the rest of a long text at once, because a call has room for so many outputs.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let begins = |words: usize| text.match_indices(' ').nth(words - 1).map_or(text.len(), |(at, _)| at + 1);
    let (first, rest) = text.split_at(begins(WORDS_MAX));
    first.split_inclusive(' ').chain((!rest.is_empty()).then_some(rest))
}

fn say(host: &Host, attempt: Attempt, message: &str, text: &str) {
    host.send(AttemptEvent::text(attempt, message, text));
}

#[cfg(test)]
mod tests {
    use omi_adapter_sdk::testkit::{self, TestKit};
    use omi_adapter_sdk::{Output, SessionAdapter};

    use super::*;

    fn started() -> TestKit<SessionAdapter<Echo>> {
        let mut kit = TestKit::new();
        assert!(matches!(&kit.start("{}")[..], [Output::Ready(_)]));
        kit
    }

    #[test]
    fn a_prompt_comes_back_word_by_word_and_the_attempt_succeeds() {
        let mut kit = started();
        assert_eq!(kit.open(1, "/work"), [BindingOpened::new(1, "echo-1", Fidelity::None).into()]);
        let outputs = kit.execute(7, 1, "hello to you");
        assert_eq!(testkit::answer_text(&outputs), "hello to you");
        assert_eq!(outputs.len(), 5, "three words, the end of the message, the end of the attempt");
        assert_eq!(testkit::outcome(&outputs), Some(&Outcome::succeeded("end_turn")));
    }

    #[test]
    fn a_long_prompt_comes_back_whole_in_few_pieces() {
        let mut kit = started();
        kit.open(1, "/work");
        for (attempt, words) in (1..).zip([255, 256, 257, 100_000]) {
            let prompt = "word ".repeat(words) + "end";
            let outputs = kit.execute(attempt, 1, &prompt);
            assert!(testkit::answer_text(&outputs) == prompt && outputs.len() < 300, "{words}");
        }
    }

    #[test]
    fn a_cancellation_that_comes_too_late_claims_nothing() {
        let mut kit = started();
        kit.open(1, "/work");
        kit.execute(7, 1, "hello");
        let answer = CancelAnswer::new(7, false, false).because("the attempt is over");
        assert_eq!(kit.send(testkit::cancel(7)), [answer.into()]);
    }
}
