//! What was said: the pieces of a prompt, and the turns of a conversation.

use omi_adapter_sdk::{Blob, Failure, Media, Op, PastRun, PromptBlock};

/// What a picture or a sound counts of `contextChars`: about what models charge for one.
const MEDIA_CHARS: usize = 4_000;

/// A piece of a message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Piece {
    Text(String),
    Media(Clip),
}

/// A picture or a sound.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Clip {
    pub(crate) kind: Kind,
    pub(crate) mime_type: String,
    pub(crate) bytes: Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Picture,
    Sound,
}

/// Where the bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bytes {
    Kept(Blob),
    /// The host makes a copy that lasts as long as the binding.
    Asked(Op),
    Gone,
}

/// A prompt and its answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Turn {
    /// The Omi run: another attempt of it takes the place of this one.
    pub(crate) run: String,
    pub(crate) prompt: Vec<Piece>,
    /// As far as it came.
    pub(crate) answer: String,
    /// It had no room, so nothing but its place is kept.
    pub(crate) is_forgotten: bool,
}

impl Piece {
    /// From a block of the prompt that is to be answered.
    pub(crate) fn of_prompt(block: &PromptBlock) -> Result<Self, Failure> {
        Ok(match block {
            PromptBlock::Text(text) => Self::Text(text.clone()),
            PromptBlock::Image(media) => Self::media(Kind::Picture, media),
            PromptBlock::Audio(media) => Self::media(Kind::Sound, media),
            PromptBlock::Link(link) if link.name.is_empty() => Self::Text(link.uri.clone()),
            PromptBlock::Link(link) => Self::Text(format!("[{}]({})", link.name, link.uri)),
            PromptBlock::Embedded(embedded) => Self::Text(format!("{}:\n{}", embedded.uri, embedded.text)),
            PromptBlock::Other(_) => {
                let message = "the prompt has a block that this adapter does not know";
                return Err(Failure::fatal("prompt_unsupported", message));
            }
        })
    }

    /// From a block of a prompt that was answered. One that is not known any more is no reason not to go on.
    fn of_past(block: &PromptBlock) -> Self {
        Self::of_prompt(block).unwrap_or_else(|_| Self::Text("[a block that is not known]".to_owned()))
    }

    fn media(kind: Kind, media: &Media) -> Self {
        Self::Media(Clip { kind, mime_type: media.mime_type.clone(), bytes: Bytes::Kept(media.data) })
    }

    fn chars(&self) -> usize {
        match self {
            Self::Text(text) => text.chars().count(),
            Self::Media(_) => MEDIA_CHARS,
        }
    }
}

impl Clip {
    /// The text in its place where it is not there any more: the same that the host puts into a history.
    pub(crate) fn missing(&self) -> String {
        let what = match self.kind {
            Kind::Picture => "picture",
            Kind::Sound => "sound",
        };
        format!("[a {what}, {}, is not kept]", self.mime_type)
    }
}

impl Turn {
    /// A run that the host tells of.
    pub(crate) fn of_past(past: &PastRun) -> Self {
        let prompt = past.prompt.iter().map(Piece::of_past).collect();
        Self { run: past.omi_run.clone(), prompt, answer: past.answer.clone(), is_forgotten: false }
    }

    /// A prompt without an answer is not told again: the model has never reacted to it, and many models take nothing but
    /// prompt and answer in turn. A partial answer is one.
    pub(crate) fn was_answered(&self) -> bool {
        !self.answer.trim().is_empty()
    }

    /// Keeps nothing of it but its place.
    pub(crate) fn forget(&mut self) {
        self.is_forgotten |= self.was_answered();
        (self.prompt, self.answer) = (Vec::new(), String::new());
    }

    pub(crate) fn chars(&self) -> usize {
        self.prompt.iter().map(Piece::chars).sum::<usize>() + self.answer.chars().count()
    }

    /// The blobs that it holds.
    pub(crate) fn blobs(&self) -> impl Iterator<Item = Blob> {
        self.prompt.iter().filter_map(|piece| match piece {
            Piece::Media(Clip { bytes: Bytes::Kept(blob), .. }) => Some(*blob),
            Piece::Media(_) | Piece::Text(_) => None,
        })
    }
}
