//! Control tools that a client calls, and tools of its own that agents use.

use omi_kernel::id::SessionId;
use tokio::task::JoinSet;

use super::Connection;
use crate::relay::{self, Asked, DeclaredTool, Offered};
use crate::tool::{self, Caller, ControlContext, Source};
use crate::wire::{self, Address, ControlTool, Correlation, DirectControlTool, ToolResult, WireError};

/// What a request offers, and what passes its uses on. Both end when this is dropped.
pub(super) struct Offering {
    _offered: Offered,
    _passing: JoinSet<()>,
}

impl Connection {
    /// Refuses tools that no agent would ever hear of: those of a query whose registration, as far as it is named here,
    /// hands its agents none.
    pub(super) fn reaches_its_agent(
        &self,
        (adapter, session): (Option<&str>, Option<&SessionId>),
    ) -> Result<(), WireError> {
        let own = match (adapter, session) {
            (None, Some(session)) => self.ask(|reader| reader.session(Some(&self.owner()), session))?,
            (Some(_), _) | (None, None) => None,
        };
        let Some(name) = adapter.or(own.as_ref().map(|session| session.default_adapter_id.as_str())) else {
            return Ok(());
        };
        if self.surface.config.registration(name)?.tools {
            return Ok(());
        }
        let why = format!(
            "`tools`: the registration `{name}` hands its agents no tools; hint: `tools = true` in `[registrations.{name}]`"
        );
        Err(WireError::new("no_tools", why))
    }

    /// Offers the tools of a query to the agent that will execute it: before it is accepted, so that the agent finds them
    /// from its first moment on.
    pub(super) fn offer(
        &self,
        tools: Vec<DeclaredTool>,
        address: &Address,
    ) -> Result<Option<Offering>, WireError> {
        if tools.is_empty() {
            return Ok(None);
        }
        relay::check(&tools).map_err(|why| WireError::invalid(format!("query: {why}")))?;
        let asked = Asked { owner: self.owner(), address: address.clone() };
        let offered = self.surface.relay.offer(asked, tools);
        let (offered, mut uses) = offered.map_err(|error| WireError::new(error.code, error.message))?;
        let (connection, correlation) = (self.clone(), Correlation::new(address.clone()));
        let mut passing = JoinSet::new();
        passing.spawn(async move {
            while let Some(tool_use) = uses.recv().await {
                connection.send(wire::tool_use(&correlation, &tool_use)).await;
            }
        });
        Ok(Some(Offering { _offered: offered, _passing: passing }))
    }

    /// The result of a tool that an agent used. The request is the one that offered it.
    pub(super) async fn tool_result(self, result: ToolResult, address: Address) {
        let correlation = Correlation::new(address.clone());
        let asked = Asked { owner: self.owner(), address };
        let done = if self.surface.relay.complete(&asked, &result.call_id, result.result) {
            Ok(correlation.ack())
        } else {
            let id: String = result.call_id.chars().take(CALL_ID_CHARS_SHOWN).collect();
            let why = format!(
                "there is no open call `{id}` of this request; hint: it may have been answered, or given up"
            );
            Err(WireError::new("not_found", why))
        };
        self.answer(&correlation, done).await;
    }

    /// A call about the run of this request, which is the parent of what is delegated. It is a request of its own: the
    /// name of this one belongs to that run.
    pub(super) async fn control_tool(self, call: ControlTool, address: Address) {
        let mut correlation = Correlation::new(address.clone());
        let run = self.requests.run_of(&address).await;
        correlation.run = run.as_ref().map(ToString::to_string);
        let context = ControlContext {
            caller: Caller::Owner { run },
            ..ControlContext::of_owner(self.surface.clone(), Source::Jsonl)
        };
        let done = tool::call(context, &call.name, call.input).await;
        self.send(wire::control_tool_result(&correlation, &call.name, done)).await;
    }

    /// A call outside of any run. The same request again makes nothing new.
    pub(super) async fn direct_control_tool(self, call: DirectControlTool, address: Address) {
        let correlation = Correlation::new(address.clone());
        let context = ControlContext {
            request: Some((address.client, address.request)),
            ..ControlContext::of_owner(self.surface.clone(), Source::Jsonl)
        };
        let done = tool::call(context, &call.name, call.input).await;
        self.send(wire::control_tool_result(&correlation, &call.name, done)).await;
    }
}

/// Characters of an id that nobody knows, as far as it is repeated.
const CALL_ID_CHARS_SHOWN: usize = 100;
