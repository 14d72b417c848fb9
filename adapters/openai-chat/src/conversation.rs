//! What is remembered of a session: the same whether the host told it or this worker saw it.

use omi_adapter_sdk::{Binding, BindingSettings, CreateBlob, Op, Output, Outputs, Part, Scope};

use crate::ops::Ops;
use crate::said::{Bytes, Piece, Turn};

/// A session.
#[derive(Debug, Default)]
pub(crate) struct Conversation {
    /// The system prompt of the session.
    pub(crate) system_prompt: Option<String>,
    /// Oldest first.
    turns: Vec<Turn>,
    /// How many turns before those are left out.
    left_out: u32,
}

impl Conversation {
    /// What the host says that the session is.
    pub(crate) fn new(settings: &BindingSettings) -> Self {
        Self {
            system_prompt: settings.system_prompt.clone(),
            turns: settings.history.iter().map(Turn::of_past).collect(),
            left_out: settings.history_left_out,
        }
    }

    /// Begins a turn. Another attempt of the same run takes the place of the one before.
    pub(crate) fn begin(
        &mut self,
        binding: Binding,
        run: &str,
        prompt: &[Piece],
        ops: &mut Ops,
        out: &mut Outputs,
    ) {
        let keep = |piece: &Piece| match piece {
            Piece::Text(text) => Piece::Text(text.clone()),
            Piece::Media(clip) => {
                let mut clip = clip.clone();
                if let Bytes::Kept(blob) = clip.bytes {
                    let op = ops.next();
                    let (scope, content) = (Scope::Binding(binding), vec![Part::BlobRaw(blob)]);
                    out.push(CreateBlob { op, scope, content, extra: String::new() });
                    clip.bytes = Bytes::Asked(op);
                }
                Piece::Media(clip)
            }
        };
        let prompt = prompt.iter().map(keep).collect();
        let turn = Turn { run: run.to_owned(), prompt, answer: String::new(), is_forgotten: false };
        match self.turns.iter_mut().find(|before| before.run == run) {
            Some(before) => {
                out.extend(before.blobs().map(Output::DropBlob));
                *before = turn;
            }
            None => self.turns.push(turn),
        }
    }

    /// What was answered, as far as it came.
    pub(crate) fn answered(&mut self, run: &str, answer: String) {
        if let Some(turn) = self.turns.iter_mut().find(|turn| turn.run == run) {
            turn.answer = answer;
        }
    }

    /// The host has made a copy, or has not. Says whether it was asked for here.
    pub(crate) fn kept(&mut self, op: Op, bytes: Bytes) -> bool {
        let pieces = self.turns.iter_mut().flat_map(|turn| &mut turn.prompt);
        let clip = pieces
            .filter_map(|piece| match piece {
                Piece::Media(clip) => Some(clip),
                Piece::Text(_) => None,
            })
            .find(|clip| clip.bytes == Bytes::Asked(op));
        clip.map(|clip| clip.bytes = bytes).is_some()
    }

    /// The turns before a run that are told, and how many are not. What has no room now has none later either, so it is
    /// forgotten: a worker holds many sessions. After one that is not told no older one is: a conversation with a hole
    /// says something else than it did.
    pub(crate) fn before(&mut self, run: &str, chars_max: usize, out: &mut Outputs) -> (Vec<&Turn>, u32) {
        let mut chars = 0;
        let last_left_out = self.turns.iter().rposition(|turn| {
            if turn.run != run && turn.was_answered() {
                chars += turn.chars();
            }
            turn.is_forgotten || chars > chars_max
        });
        let (left_out, told) = self.turns.split_at_mut(last_left_out.map_or(0, |last| last + 1));
        // The turn itself may be an old one that is tried again.
        for turn in left_out.iter_mut().filter(|turn| turn.run != run) {
            out.extend(turn.blobs().map(Output::DropBlob));
            turn.forget();
        }
        let forgotten = left_out.iter().filter(|turn| turn.is_forgotten).count();
        let forgotten = u32::try_from(forgotten).unwrap_or(u32::MAX);
        let told = told.iter().filter(|turn| turn.run != run && turn.was_answered());
        (told.collect(), self.left_out.saturating_add(forgotten))
    }
}
