//! The relay: tools that a surface has itself, called by an agent while it executes what that surface asked for (SPEC §6).
//!
//! ```text
//! surface ── query { tools } ──▶ offer ◀── tools/list ── agent
//!         ◀─ tool_use { callId } ── call ◀── tools/call ──┘
//!         ── tool_result { callId } ──▶ complete ──▶ the agent's answer, once
//! ```
//!
//! A call is found by the request that declared its tool and by its own id, never by what happens to run (SPEC §11.1 row
//! 3). It ends exactly once: with its result, in time or not, cancelled, or because nobody is there any more to answer it.
//! Nothing of it is durable: an offer lasts as long as the connection that made it follows its run.

mod declared;
mod spill;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use omi_kernel::id::OwnerId;
use omi_store::ExecutingAttempt;
use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot};

use crate::tool::ToolError;
use crate::wire::Address;
pub(crate) use declared::{DeclaredTool, check};
pub(crate) use spill::shown;

/// Offers at the same time: more than a connection has requests.
const OFFERS_MAX: usize = 2048;
/// Calls that one offer has not answered yet.
const CALLS_MAX: usize = 32;

/// The request of a surface, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Asked {
    /// The owner.
    pub(crate) owner: OwnerId,
    /// The client and its request.
    pub(crate) address: Address,
}

/// A call, as the surface hears of it.
#[derive(Debug, Clone)]
pub(crate) struct ToolUse {
    /// Its id.
    pub(crate) call_id: String,
    /// The tool.
    pub(crate) name: String,
    /// What it is called with.
    pub(crate) input: Map<String, Value>,
    /// Who calls.
    pub(crate) attempt: ExecutingAttempt,
}

/// The offers and the calls that are not over. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Relay(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    /// The first one of a request is asked: whoever came later waits for its place.
    offers: BTreeMap<Asked, Vec<Offer>>,
    calls: BTreeMap<(Asked, String), Call>,
    last: u64,
}

#[derive(Debug)]
struct Offer {
    number: u64,
    tools: Arc<Vec<DeclaredTool>>,
    uses: mpsc::Sender<ToolUse>,
}

#[derive(Debug)]
struct Call {
    offer: u64,
    done: oneshot::Sender<String>,
}

impl Relay {
    /// Offers tools for what a request asks, until the answer is dropped. Uses of them come out of the receiver.
    pub(crate) fn offer(
        &self,
        asked: Asked,
        tools: Vec<DeclaredTool>,
    ) -> Result<(Offered, mpsc::Receiver<ToolUse>), ToolError> {
        let mut table = self.lock();
        if table.offers.values().map(Vec::len).sum::<usize>() >= OFFERS_MAX {
            let why = format!("{OFFERS_MAX} requests offer tools; hint: wait until some of them are over");
            return Err(ToolError::new("busy", why));
        }
        table.last += 1;
        let number = table.last;
        let (uses, used) = mpsc::channel(CALLS_MAX);
        table.offers.entry(asked.clone()).or_default().push(Offer { number, tools: Arc::new(tools), uses });
        Ok((Offered { relay: self.clone(), asked, number }, used))
    }

    /// The tools that a request offers.
    pub(crate) fn tools(&self, asked: &Asked) -> Arc<Vec<DeclaredTool>> {
        let table = self.lock();
        let first = table.offers.get(asked).and_then(|offers| offers.first());
        first.map(|offer| offer.tools.clone()).unwrap_or_default()
    }

    /// Has the surface use one of its tools, and waits for the result. None: it offers no such tool.
    pub(crate) async fn call(
        &self,
        attempt: ExecutingAttempt,
        name: &str,
        input: Map<String, Value>,
    ) -> Option<Result<String, ToolError>> {
        let asked = Asked::of(&attempt);
        let (pending, mut done, timeout) = match self.begin(&asked, attempt, name, input)? {
            Ok(begun) => begun,
            Err(error) => return Some(Err(error)),
        };
        let answered = tokio::time::timeout(timeout, &mut done).await;
        // Whoever completes it from now on is too late; whoever was just before has.
        let was_open = pending.end();
        let late = if was_open { None } else { done.try_recv().ok() };
        Some(match (answered, late) {
            (Ok(Ok(result)), _) | (Err(_), Some(result)) => Ok(result),
            (Ok(Err(_)), _) => Err(ToolError::new(
                "surface_gone",
                format!("nobody is there any more to use `{name}`: its surface has gone, or the run is over"),
            )),
            (Err(_), None) => Err(ToolError::new(
                "tool_timed_out",
                format!("`{name}` gave no result within {} ms", timeout.as_millis()),
            )),
        })
    }

    /// Gives a call its result. False: there is no such call, or it is over.
    pub(crate) fn complete(&self, asked: &Asked, call_id: &str, result: String) -> bool {
        let call = self.lock().calls.remove(&(asked.clone(), call_id.to_owned()));
        // One that was given up at this moment has not heard it.
        call.is_some_and(|call| call.done.send(result).is_ok())
    }

    #[expect(clippy::type_complexity, reason = "a call that began, if there is such a tool and room for it")]
    fn begin(
        &self,
        asked: &Asked,
        attempt: ExecutingAttempt,
        name: &str,
        input: Map<String, Value>,
    ) -> Option<Result<(Pending, oneshot::Receiver<String>, Duration), ToolError>> {
        let mut table = self.lock();
        let offer = table.offers.get(asked)?.first()?;
        let timeout = offer.tools.iter().find(|tool| tool.name == name)?.timeout();
        let (number, uses) = (offer.number, offer.uses.clone());
        let call_id = format!("call_{}", uuid::Uuid::new_v4().simple());
        let name = name.to_owned();
        let tool_use = ToolUse { call_id: call_id.clone(), name, input, attempt };
        let open = table.calls.values().filter(|call| call.offer == number).count();
        if open >= CALLS_MAX || uses.try_send(tool_use).is_err() {
            let why = format!("{CALLS_MAX} calls are not answered yet; hint: wait for some of them");
            return Some(Err(ToolError::new("busy", why)));
        }
        let (done, result) = oneshot::channel();
        let key = (asked.clone(), call_id);
        table.calls.insert(key.clone(), Call { offer: number, done });
        Some(Ok((Pending { relay: self.clone(), key }, result, timeout)))
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asked {
    /// The request whose run an attempt is of.
    pub(crate) fn of(attempt: &ExecutingAttempt) -> Self {
        let (client, request) = (attempt.client_id.as_str(), attempt.request_id.as_str());
        Self { owner: attempt.owner_id.clone(), address: Address::v2(client, request) }
    }
}

/// Tools that are offered, until this is dropped: then what waits for them is told that nobody is there.
#[derive(Debug)]
pub(crate) struct Offered {
    relay: Relay,
    asked: Asked,
    number: u64,
}

impl Drop for Offered {
    fn drop(&mut self) {
        let mut table = self.relay.lock();
        if let Some(offers) = table.offers.get_mut(&self.asked) {
            offers.retain(|offer| offer.number != self.number);
            if offers.is_empty() {
                table.offers.remove(&self.asked);
            }
        }
        table.calls.retain(|_, call| call.offer != self.number);
    }
}

/// A call that is not over. It is, once this is dropped.
struct Pending {
    relay: Relay,
    key: (Asked, String),
}

impl Pending {
    /// Nobody waits for it any more. True: nobody had completed it.
    fn end(&self) -> bool {
        self.relay.lock().calls.remove(&self.key).is_some()
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.end();
    }
}
