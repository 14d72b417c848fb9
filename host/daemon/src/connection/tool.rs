//! Control tools that a client calls. What one cannot do is its answer, as any other.

use super::Connection;
use crate::tool::{self, Caller, ControlContext, Source};
use crate::wire::{self, Address, ControlTool, Correlation, DirectControlTool};

impl Connection {
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
        let done = match context.guard(call.owner_id.as_deref()) {
            Ok(()) => tool::call(context, &call.name, call.input).await,
            Err(error) => Err(error),
        };
        self.send(wire::control_tool_result(&correlation, &call.name, done)).await;
    }
}
