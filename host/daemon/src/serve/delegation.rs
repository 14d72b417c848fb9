//! Delegations: a run is begun on behalf of another one, and where that waits for it, its result is passed on.

use omi_kernel::event::{Event, EventKind};
use omi_kernel::id::{Cursor, DelegationId, RunId};
use serde_json::{Value, json};

use super::{Server, unexpected};
use crate::client::Answered;
use crate::prompt::owner;
use crate::subscribe::{Seen, SubscribeFilter, Subscription};
use crate::wire::{Address, Correlation, Delegation, WireError};

impl Server {
    pub(super) async fn delegate(self, delegation: Delegation, address: Address) {
        let correlation = Correlation::new(address.clone());
        if let Err(error) = self.delegated(delegation, address, correlation.clone()).await {
            self.send(correlation.error(&error)).await;
        }
    }

    async fn delegated(
        &self,
        delegation: Delegation,
        address: Address,
        mut correlation: Correlation,
    ) -> Result<(), WireError> {
        let delegate = delegation.delegate(address, &self.config)?;
        let (parent, waits) = (delegate.parent.clone(), delegate.mode.waits());
        let before = self.reader()?.latest_cursor()?;
        let id = match self.client.delegate(delegate).await? {
            Answered::Delegated { delegation, session, run, repeated } => {
                correlation.session = Some(session.to_string());
                correlation.run = Some(run.to_string());
                let fields = json!({ "delegationId": delegation, "repeated": repeated });
                self.send(correlation.message("delegated", None, fields)).await;
                delegation
            }
            other => return Err(unexpected(&other)),
        };
        if waits && let Some((event, result)) = self.result_of(&parent, &id, before).await? {
            let fields = json!({ "delegationId": id, "result": result });
            self.send(correlation.message("delegation_result", event.as_ref(), fields)).await;
        }
        Ok(())
    }

    /// What came of a delegation, once that is known; none if the daemon ends before.
    async fn result_of(
        &self,
        parent: &RunId,
        id: &DelegationId,
        before: Cursor,
    ) -> Result<Option<(Option<Event>, Value)>, WireError> {
        let filter = SubscribeFilter { owner: Some(owner()), session: None, run: Some(parent.clone()) };
        let mut news = Subscription::new(&self.client, self.database.clone(), filter, Some(before));
        // One that was delegated before may be over already.
        let known = self.reader()?.delegations(Some(&owner()), parent)?;
        let own = known.into_iter().find(|delegation| delegation.delegation_id == id.as_str());
        if let Some(result) = own.and_then(|delegation| delegation.result) {
            return Ok(Some((None, result)));
        }
        while let Some(seen) = news.next().await {
            let Seen::Event(event) = seen else { continue };
            if event.kind == EventKind::DelegationCompleted && event.payload["delegationId"] == id.as_str() {
                let result = event.payload.clone();
                return Ok(Some((Some(Event::clone(&event)), result)));
            }
        }
        Ok(None)
    }
}
