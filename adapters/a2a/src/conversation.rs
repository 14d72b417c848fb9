//! Bindings: each is a conversation with the agent, which is a context id and no more.

use omi_adapter_sdk::{
    Attempt, Binding, BindingFailed, BindingOpened, BindingSettings, Failure, Fidelity, Outputs,
};

use crate::config::Contexts;
use crate::mark::Mark;
use crate::turn::Turn;
use crate::worker::Worker;

/// A conversation.
#[derive(Debug)]
pub(crate) struct Conversation {
    /// Its context id; none until the agent names it.
    pub(crate) context: Option<String>,
    /// What is said before the first prompt.
    pub(crate) prepend: Option<String>,
    /// The attempt that runs in it.
    pub(crate) attempt: Option<Attempt>,
}

impl Worker {
    /// Begin a conversation. Nothing is sent: the agent hears of it with the first prompt.
    pub(crate) fn open(
        &mut self,
        binding: Binding,
        session: &str,
        settings: BindingSettings,
        out: &mut Outputs,
    ) {
        // The session makes it unlike any other and hard to guess; worker and binding make it one of a kind within it.
        let name = Mark::of(session).and(&format!(" {} {binding}", self.seed));
        let name = format!("omi-{name}");
        let (context, fidelity) = match self.config.contexts {
            Contexts::Client => (Some(name.clone()), Fidelity::Native),
            Contexts::Agent => (None, Fidelity::None),
        };
        let prepend = settings.system_prompt;
        self.conversations.insert(binding, Conversation { context, prepend, attempt: None });
        out.push(BindingOpened::new(binding, name, fidelity));
    }

    /// Take up a conversation. No request of A2A says whether an agent still knows a context, so that shows with the
    /// next prompt.
    pub(crate) fn resume(
        &mut self,
        binding: Binding,
        native_id: String,
        settings: BindingSettings,
        out: &mut Outputs,
    ) {
        if self.config.contexts == Contexts::Agent {
            let why = "with `contexts = \"agent\"` a conversation ends with its worker";
            return out.push(BindingFailed::new(binding, Failure::stale("context_not_kept", why)));
        }
        let prepend = settings.system_prompt.filter(|_| self.unheard.remove(&native_id));
        let context = Some(native_id.clone());
        self.conversations.insert(binding, Conversation { context, prepend, attempt: None });
        out.push(BindingOpened::new(binding, native_id, Fidelity::Native));
    }

    /// A conversation is no longer needed; the agent has no way to be told.
    pub(crate) fn close(&mut self, binding: Binding, out: &mut Outputs) {
        let Some(conversation) = self.conversations.remove(&binding) else { return };
        let turn = conversation.attempt.and_then(|attempt| self.turns.get(&attempt));
        let was_heard = conversation.prepend.is_none() || turn.is_some_and(Turn::is_accepted);
        self.unheard.extend(conversation.context.filter(|_| !was_heard));
        if let Some(attempt) = conversation.attempt {
            let failure =
                Failure::fatal("binding_closed", "the conversation was closed; the agent may go on");
            self.fail(attempt, failure, out);
        }
    }
}
