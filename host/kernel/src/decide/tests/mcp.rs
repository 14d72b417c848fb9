//! The MCP configuration of a native session: what changes it takes the session out of use, what is not known fits.

use std::collections::BTreeMap;

use super::reading::*;
use super::story::*;
use crate::command::{McpServer, McpTransport};
use crate::effect::Effect;
use crate::input::{Begin, BindingOpened, Input};
use crate::row::Binding;
use crate::status::Status;
use crate::write::Write;

fn bound_with(hash: Option<&str>) -> Story {
    Story::at(Status::Queued).bound(Binding { mcp_hash: hash.map(str::to_owned), ..binding() })
}

fn begins_with(hash: Option<&str>) -> Input {
    let mcp_hash = hash.map(str::to_owned);
    Input::Begin(Begin { mcp_hash, held: vec![binding_id()], ..begin() })
}

/// What becomes known about a binding: the system prompt and the MCP configuration.
fn backfilled(writes: &[Write]) -> Vec<(Option<&str>, Option<&str>)> {
    let backfilled = writes.iter().filter_map(|write| match write {
        Write::BackfillBinding { id, system_prompt_hash, mcp_hash } => {
            assert_eq!(*id, binding_id());
            Some((system_prompt_hash.as_deref(), mcp_hash.as_deref()))
        }
        _ => None,
    });
    backfilled.collect()
}

#[test]
fn another_configuration_needs_another_native_session() {
    let decision = bound_with(Some("m1")).then(&begins_with(Some("m2")));
    assert_eq!(payload(&decision, "binding.stale")["reason"], "binding_context_changed");
    assert_eq!(effects(&decision), ["close binding", "open"]);
    assert!(backfilled(&decision.writes).is_empty());
}

#[test]
fn the_same_configuration_or_an_unknown_one_fits() {
    for (bound, now) in [(Some("m1"), Some("m1")), (Some("m1"), None), (None, None)] {
        let decision = bound_with(bound).then(&begins_with(now));
        assert_eq!(effects(&decision), ["execute"], "{bound:?} {now:?}");
        assert!(backfilled(&decision.writes).is_empty());
    }
}

#[test]
fn what_was_not_known_is_recorded_once_it_is() {
    let mut story = bound_with(None);
    let decision = story.then(&begins_with(Some("m1")));
    assert_eq!(effects(&decision), ["execute"]);
    assert_eq!(backfilled(&decision.writes), [(None, Some("m1"))]);

    story.facts.run.as_mut().unwrap().system_prompt_hash = Some("s1".into());
    let decision = story.then(&begins_with(Some("m1")));
    assert_eq!(backfilled(&decision.writes), [(Some("s1"), Some("m1"))]);

    story.facts.binding.as_mut().unwrap().mcp_hash = Some("m1".into());
    let decision = story.then(&begins_with(Some("m1")));
    assert_eq!(backfilled(&decision.writes), [(Some("s1"), None)], "what is known stays");
}

#[test]
fn a_new_native_session_has_the_servers_and_records_their_hash() {
    let server = McpServer {
        name: "omi-tools".into(),
        transport: McpTransport::Http { url: "http://127.0.0.1:1".into(), headers: BTreeMap::new() },
    };
    let begun = Input::Begin(Begin { mcp_servers: vec![server.clone()], ..begin() });
    let decision = Story::at(Status::Queued).then(&begun);
    let [Effect::Bind { settings, .. }] = &decision.effects[..] else { panic!() };
    assert_eq!(settings.mcp_servers, [server]);

    let opened = Input::BindingOpened(BindingOpened {
        attempt: attempt_id(),
        binding: new_binding_id(),
        native_id: "native-9".into(),
        fidelity: crate::descriptor::Fidelity::Native,
        model: None,
        digest: "d1".into(),
        mcp_hash: Some("m1".into()),
    });
    let decision = Story::at(Status::Starting).then(&opened);
    assert_eq!(new_binding(&decision).mcp_hash.as_deref(), Some("m1"));
}
