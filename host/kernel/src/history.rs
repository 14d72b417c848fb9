//! What was said in a session before, for a runtime that keeps nothing itself (`reconstructed`, seed §9.1).

use std::collections::VecDeque;

use crate::command::PromptBlock;
use crate::id::RunId;
use crate::status::Status;

/// Runs at most: more than a person says in a week, and far more than a model is told.
pub const RUNS_MAX: usize = 1_000;

/// Bytes of text at most: the largest contexts of models are about four million characters.
pub const TEXT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Bytes of pictures at most, as base64: a worker keeps them all at the same time, beside those of the prompt.
pub const PICTURE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A run that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastRun {
    /// The run.
    pub run: RunId,
    /// What was asked.
    pub prompt: Vec<PromptBlock>,
    /// What was answered, as far as it came.
    pub answer: String,
    /// How it ended.
    pub status: Status,
}

/// The newest runs of a session that are over, oldest first, as far as there is room for them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    /// The runs.
    pub runs: VecDeque<PastRun>,
    /// How many runs before those are left out.
    pub left_out: u32,
    text_bytes: usize,
    picture_bytes: usize,
}

impl History {
    /// Puts the next older run before the others, and says whether there was room for it. After one that has none, no
    /// older one has a place: a conversation with a hole says something else than it did.
    pub fn add_older(&mut self, mut past: PastRun) -> bool {
        let text: usize = past.prompt.iter().map(text_bytes).sum::<usize>() + past.answer.len();
        if self.text_bytes.saturating_add(text) > TEXT_BYTES_MAX || self.runs.len() >= RUNS_MAX {
            return false;
        }
        self.text_bytes += text;
        for block in &mut past.prompt {
            let PromptBlock::Image { mime_type, data } = block else { continue };
            if self.picture_bytes.saturating_add(data.0.len()) <= PICTURE_BYTES_MAX {
                self.picture_bytes += data.0.len();
            } else {
                *block = PromptBlock::Text { text: format!("[a picture, {mime_type}, is not kept]") };
            }
        }
        self.runs.push_front(past);
        true
    }
}

fn text_bytes(block: &PromptBlock) -> usize {
    match block {
        PromptBlock::Text { text } => text.len(),
        PromptBlock::Image { .. } => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Base64;

    fn past(name: &str, blocks: Vec<PromptBlock>, answer: usize) -> PastRun {
        PastRun {
            run: RunId::parse(&format!("run_{name:0>32}")).unwrap(),
            prompt: blocks,
            answer: "a".repeat(answer),
            status: Status::Succeeded,
        }
    }

    fn names(history: &History) -> Vec<&str> {
        history
            .runs
            .iter()
            .map(|past| past.run.as_str().trim_start_matches("run_").trim_start_matches('0'))
            .collect()
    }

    #[test]
    fn the_newest_runs_are_kept_in_order_and_without_a_hole() {
        let mut history = History::default();
        let added = [("3", 1), ("2", TEXT_BYTES_MAX - 1), ("1", 1)]
            .map(|(name, answer)| history.add_older(past(name, Vec::new(), answer)));
        assert_eq!((added, names(&history)), ([true, true, false], vec!["2", "3"]));
    }

    #[test]
    fn a_picture_without_room_is_said_to_be_left_out() {
        let picture = |bytes: usize| PromptBlock::Image {
            mime_type: "image/png".to_owned(),
            data: Base64("A".repeat(bytes)),
        };
        let mut history = History::default();
        history.add_older(past("2", vec![picture(PICTURE_BYTES_MAX - 4)], 1));
        history.add_older(past("1", vec![picture(8), picture(4)], 1));
        assert_eq!(names(&history), ["1", "2"]);
        let PromptBlock::Text { text } = &history.runs[0].prompt[0] else { panic!("{history:?}") };
        assert!(text.contains("image/png"), "{text}");
        assert_eq!(history.runs[0].prompt[1], picture(4), "there is room for a small one");
    }

    #[test]
    fn so_many_runs_and_no_more() {
        let mut history = History::default();
        let added = (0..=RUNS_MAX).filter(|_| history.add_older(past("1", Vec::new(), 0))).count();
        assert_eq!((added, history.runs.len()), (RUNS_MAX, RUNS_MAX));
    }
}
