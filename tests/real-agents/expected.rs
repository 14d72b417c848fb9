//! What an agent is expected to do: the usual, or what its set-up says that it does otherwise.

use omi_tests::measured::Behaviour;

use crate::setup::Own;

/// What was seen of a behaviour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// In words that are the same each time.
    pub(crate) word: String,
    /// The same with what it took, for the table.
    pub(crate) told: String,
}

impl Seen {
    /// What takes no time worth telling.
    pub(crate) fn plain(word: &str) -> Self {
        Self { word: word.to_owned(), told: word.to_owned() }
    }
}

/// The words for a behaviour of an agent.
pub(crate) fn expected(own: &Own, behaviour: Behaviour) -> &'static str {
    let differs = own.differs.iter().find(|(its, _)| *its == behaviour);
    differs.map_or_else(|| usual(behaviour), |(_, word)| word)
}

fn usual(behaviour: Behaviour) -> &'static str {
    match behaviour {
        Behaviour::Prompt | Behaviour::ToolAllowed | Behaviour::SideBySide => "ok",
        Behaviour::ToolRefused => "the agent goes on",
        Behaviour::CancelledWhileAsked
        | Behaviour::CancelledWhileStreaming
        | Behaviour::CancelledWhileToolRuns
        | Behaviour::CancelledAtOnce => "cancelled",
        Behaviour::RuntimeKilled => "failed",
        Behaviour::DaemonRestarted => "native",
        Behaviour::NothingLeft => "nothing",
    }
}
