//! Any input with any facts, however little they fit together: a decision or a refusal in one line, never a panic.

mod dice;
mod facts;
mod grants;
mod inputs;

use std::collections::BTreeSet;

use dice::Dice;

use super::story::Story;
use crate::decision::Decision;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::status::{Status, Step};
use crate::write::Write;

/// Inputs that are decided: each kind comes up about a thousand times.
const ROUNDS: u32 = 30_000;
/// Where the dice begin. The number itself means nothing.
const SEED: u64 = 0x5eed_0003;

const STEPS: [Step; 12] = [
    Step::Begin,
    Step::Dispatch,
    Step::AskApproval,
    Step::AskInput,
    Step::Resume,
    Step::RequestCancel,
    Step::Succeed,
    Step::Fail,
    Step::Cancel,
    Step::TimeOut,
    Step::Orphan,
    Step::Retry,
];

/// The kind of an input, as its type calls it.
fn kind(input: &Input) -> String {
    format!("{input:?}").chars().take_while(|c| c.is_alphanumeric()).collect()
}

#[test]
fn every_input_is_decided_or_refused() {
    let mut dice = Dice::new(SEED);
    let mut taken = BTreeSet::new();
    for round in 0..ROUNDS {
        let story = Story { facts: dice.facts() };
        let input = dice.input();
        // Whatever panics in here fails the test; this says for which input.
        let decided = std::panic::catch_unwind(|| story.decide(&input));
        let decided = decided.unwrap_or_else(|_| panic!("round {round}: {input:?}\n{:?}", story.facts));
        match decided {
            Ok(decision) => {
                check(&decision, &input);
                taken.insert(kind(&input));
            }
            Err(refusal) => check_text(&refusal),
        }
    }
    assert_eq!(taken.len(), inputs::KINDS, "each kind of input was taken at least once: {taken:?}");
}

/// What holds of each decision by itself.
fn check(decision: &Decision, input: &Input) {
    for write in &decision.writes {
        let (from, to) = match write {
            Write::MoveRun { from, to, .. } | Write::MoveAttempt { from, to, .. } => (*from, *to),
            _ => continue,
        };
        assert!(is_legal(from, to), "{from} > {to} after {input:?}");
    }
    let ids: BTreeSet<_> = decision.events.iter().map(|event| event.id.as_str()).collect();
    assert_eq!(ids.len(), decision.events.len(), "every event has an id of its own");
    for event in &decision.events {
        assert!(event.payload.is_object(), "{event:?}");
    }
}

fn is_legal(from: Status, to: Status) -> bool {
    STEPS.into_iter().any(|step| from.after(step) == Ok(to))
}

/// A refusal says what is the matter in one line that fits on a screen.
fn check_text(refusal: &Refusal) {
    let text = refusal.to_string();
    assert!(!text.trim().is_empty(), "{refusal:?}");
    assert!(!text.contains(['\n', '\r']), "{text:?}");
    assert!(text.len() < 1000, "{} bytes: {refusal:?}", text.len());
}
