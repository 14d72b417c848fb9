//! A daemon in this process for the tests of tools, with the echo adapter.

use omi_kernel::command::{PromptBlock, RunMode};
use omi_kernel::id::{AttemptId, Ids, RunId, SessionId};
use omi_store::ExecutingAttempt;
use serde_json::Value;

use super::{ControlContext, Source, ToolError, wait};
use crate::client::Answered;
use crate::config::Config;
use crate::daemon::{Daemon, Manner};
use crate::prompt::{Prompt, owner};
use crate::state::StateDir;
use crate::surface::Surface;

/// A daemon of its own.
pub(crate) struct House {
    pub(crate) daemon: Daemon,
    folder: tempfile::TempDir,
}

/// A run that was accepted.
pub(crate) struct Accepted {
    pub(crate) session: SessionId,
    pub(crate) run: RunId,
}

impl House {
    pub(crate) fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::choose(Some(folder.path().join("state"))).unwrap();
        let config = Config::read(&folder.path().join("config.toml"), config).unwrap();
        let manner =
            Manner { cwd: folder.path().to_owned(), person: true, adopt_queued: false, recordings: None };
        Self { daemon: Daemon::start(&state, config, manner).unwrap(), folder }
    }

    pub(crate) fn surface(&self) -> Surface {
        self.daemon.surface(owner())
    }

    pub(crate) fn context(&self) -> ControlContext {
        ControlContext::of_owner(self.surface(), Source::Mcp)
    }

    /// What a tool answers to the owner.
    pub(crate) async fn call(&self, name: &str, input: Value) -> Result<Value, ToolError> {
        super::call(self.context(), name, input).await
    }

    /// Has the echo of a text, in a session of its own.
    pub(crate) async fn echo(&self, text: &str) -> Accepted {
        let prompt = Prompt {
            client: "test".to_owned(),
            request: uuid::Uuid::new_v4().to_string(),
            surface: "test".to_owned(),
            blocks: vec![PromptBlock::Text { text: text.to_owned() }],
            ..Prompt::default()
        };
        let surface = self.surface();
        let accept = prompt.accept(owner(), &surface.config).unwrap();
        let Answered::Accepted { session, run, .. } = surface.client.accept(accept).await.unwrap() else {
            panic!("it is accepted")
        };
        wait::end_of(&self.context(), &run).await.unwrap();
        Accepted { session, run }
    }

    /// An agent that executes a run of another session.
    pub(crate) fn agent(&self, of: &Accepted, mode: RunMode) -> ControlContext {
        let mut one = || 1;
        let attempt = ExecutingAttempt {
            owner_id: owner(),
            session_id: of.session.clone(),
            run_id: of.run.clone(),
            attempt_id: AttemptId::new(&mut Ids::new(&mut one)),
            client_id: "test".into(),
            request_id: "1".into(),
            adapter_id: "echo".into(),
            mode,
        };
        ControlContext::of_agent(&self.surface(), attempt)
    }

    pub(crate) async fn end(self) {
        self.daemon.end().await;
        drop(self.folder);
    }
}
