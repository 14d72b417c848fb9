//! The control tools as native sessions are offered them, and when that ends.

use omi_kernel::command::BindingSettings;
use omi_kernel::id::{BindingId, RunId, WorkerId};

use super::Pool;

impl Pool {
    /// Offers the tools to a native session that is made or taken up, if its registration says so. That comes after
    /// everything was decided: a handle of its own makes no session another one.
    pub(in crate::driver) fn offer_tools(
        &self,
        worker: &WorkerId,
        binding: &BindingId,
        run: &RunId,
        settings: &mut BindingSettings,
    ) {
        if let Some(tools) = &self.tools
            && self.registration(worker).is_some_and(|registration| registration.tools)
        {
            settings.mcp_servers.push(tools.server(worker, binding, run));
        }
    }

    /// A worker does not have a binding any more, and nobody speaks for it.
    pub(super) fn let_go(&mut self, worker: &WorkerId, binding: &BindingId) {
        self.places.let_go(worker, binding);
        if let Some(tools) = &self.tools {
            tools.handles.end(worker, binding);
        }
    }
}
