//! A call ends exactly once, however it ends, and only for the request that offered its tool.

use omi_kernel::command::RunMode;
use omi_kernel::id::{AttemptId, Ids, RunId, SessionId};
use serde_json::json;

use super::*;
use crate::driver::random;

/// An agent that executes what a request of a client asked.
fn agent(owner: &str, request: &str) -> ExecutingAttempt {
    let mut source = random;
    let ids = &mut Ids::new(&mut source);
    ExecutingAttempt {
        owner_id: owner.into(),
        session_id: SessionId::new(ids),
        run_id: RunId::new(ids),
        attempt_id: AttemptId::new(ids),
        client_id: "app".into(),
        request_id: request.into(),
        adapter_id: "tester".into(),
        mode: RunMode::Act,
    }
}

fn tool(name: &str, timeout_ms: u64) -> DeclaredTool {
    let tool = json!({ "name": name, "inputSchema": { "type": "object" }, "timeoutMs": timeout_ms });
    serde_json::from_value(tool).unwrap()
}

/// Longer than a test takes.
const LONG: u64 = 60_000;

fn offer(
    relay: &Relay,
    agent: &ExecutingAttempt,
    tools: Vec<DeclaredTool>,
) -> (Offered, mpsc::Receiver<ToolUse>) {
    relay.offer(Asked::of(agent), tools).unwrap()
}

/// A call in a task of its own, once the surface has heard of it.
async fn called(
    relay: &Relay,
    agent: &ExecutingAttempt,
    uses: &mut mpsc::Receiver<ToolUse>,
) -> (tokio::task::JoinHandle<Option<Result<String, ToolError>>>, ToolUse) {
    let (relay, agent) = (relay.clone(), agent.clone());
    let call = tokio::spawn(async move { relay.call(agent, "ask", Map::new()).await });
    (call, uses.recv().await.unwrap())
}

fn code(done: Option<Result<String, ToolError>>) -> &'static str {
    done.unwrap().unwrap_err().code
}

#[tokio::test]
async fn a_call_is_answered_by_the_request_that_offered_its_tool_and_once() {
    let relay = Relay::default();
    let (mine, other) = (agent("me", "1"), agent("me", "2"));
    let (_offered, mut uses) = offer(&relay, &mine, vec![tool("ask", LONG)]);
    assert!(relay.call(other.clone(), "ask", Map::new()).await.is_none(), "another request offers nothing");
    assert!(relay.call(agent("them", "1"), "ask", Map::new()).await.is_none(), "nor does another owner's");
    assert!(relay.call(mine.clone(), "tell", Map::new()).await.is_none());

    let (call, tool_use) = called(&relay, &mine, &mut uses).await;
    assert_eq!((&tool_use.attempt, tool_use.name.as_str()), (&mine, "ask"));
    assert!(!relay.complete(&Asked::of(&other), &tool_use.call_id, "theirs".to_owned()));
    assert!(!relay.complete(&Asked::of(&mine), "call_0", "nothing".to_owned()));
    assert!(relay.complete(&Asked::of(&mine), &tool_use.call_id, "yes".to_owned()));
    assert!(!relay.complete(&Asked::of(&mine), &tool_use.call_id, "again".to_owned()), "once");
    assert_eq!(call.await.unwrap(), Some(Ok("yes".to_owned())));
}

#[tokio::test]
async fn a_call_that_is_not_answered_in_time_is_over_and_a_late_result_is_dropped() {
    let relay = Relay::default();
    let mine = agent("me", "1");
    let (_offered, mut uses) = offer(&relay, &mine, vec![tool("ask", 20)]);
    let (call, tool_use) = called(&relay, &mine, &mut uses).await;
    assert_eq!(code(call.await.unwrap()), "tool_timed_out");
    assert!(!relay.complete(&Asked::of(&mine), &tool_use.call_id, "late".to_owned()));
    assert!(relay.lock().calls.is_empty());
}

#[tokio::test]
async fn a_call_is_over_when_its_surface_goes_or_its_agent_gives_up() {
    let relay = Relay::default();
    let mine = agent("me", "1");
    let (offered, mut uses) = offer(&relay, &mine, vec![tool("ask", LONG)]);
    let (call, tool_use) = called(&relay, &mine, &mut uses).await;
    call.abort();
    assert!(call.await.is_err());
    assert!(!relay.complete(&Asked::of(&mine), &tool_use.call_id, "late".to_owned()), "it gave up");

    let (call, _) = called(&relay, &mine, &mut uses).await;
    drop(offered);
    assert_eq!(code(call.await.unwrap()), "surface_gone");
    assert!(relay.call(mine, "ask", Map::new()).await.is_none());
    let table = relay.lock();
    assert!(table.offers.is_empty() && table.calls.is_empty());
}

#[tokio::test]
async fn whoever_comes_later_with_the_same_request_waits_for_its_place() {
    let relay = Relay::default();
    let mine = agent("me", "1");
    let (first, mut heard) = offer(&relay, &mine, vec![tool("ask", LONG)]);
    let (_second, mut waiting) = offer(&relay, &mine, vec![tool("ask", LONG)]);
    let (call, _) = called(&relay, &mine, &mut heard).await;
    drop(first);
    assert_eq!(code(call.await.unwrap()), "surface_gone");
    let (call, tool_use) = called(&relay, &mine, &mut waiting).await;
    assert!(relay.complete(&Asked::of(&mine), &tool_use.call_id, "here".to_owned()));
    assert_eq!(call.await.unwrap(), Some(Ok("here".to_owned())));
}

#[tokio::test]
async fn calls_and_offers_are_bounded() {
    let relay = Relay::default();
    let mine = agent("me", "1");
    let (_offered, _uses) = offer(&relay, &mine, vec![tool("ask", LONG)]);
    let call = || {
        let (relay, mine) = (relay.clone(), mine.clone());
        async move { relay.call(mine, "ask", Map::new()).await }
    };
    let mut calls: Vec<_> = (0..CALLS_MAX).map(|_| Box::pin(call())).collect();
    for call in &mut calls {
        assert!(futures_util::poll!(call.as_mut()).is_pending());
    }
    assert_eq!(code(call().await), "busy");
    let mut offers = Vec::new();
    let refused = loop {
        match relay.offer(Asked::of(&mine), vec![]) {
            Ok(offer) => offers.push(offer),
            Err(error) => break error,
        }
    };
    assert_eq!((refused.code, offers.len()), ("busy", OFFERS_MAX - 1));
}
