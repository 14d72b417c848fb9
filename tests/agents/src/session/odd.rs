//! Instructions that no good agent would follow.

use std::io::Write as _;

use serde_json::{Value, json};

use super::{Ended, Session, Step};
use crate::peer::Peer;

impl Session {
    /// Does one of them.
    pub(super) fn misbehave(&self, peer: &mut Peer, verb: &str, rest: &str) -> Step {
        let count = rest.parse::<usize>().unwrap_or_default();
        match verb {
            "flood" => {
                (0..count).for_each(|number| self.say(peer, "agent_message_chunk", &format!("{number} ")));
            }
            "big" => self.say(peer, "agent_message_chunk", &"b".repeat(count)),
            "noise" => {
                let noise = "n".repeat(count);
                // Nobody has to read it.
                let _ = std::io::stderr().write_all(noise.as_bytes());
                return self.tell(peer, "still here");
            }
            "unknown" => return self.unknown(peer),
            "question" => return self.question(peer, rest),
            _ => orphan(),
        }
        Step::Next
    }

    fn unknown(&self, peer: &mut Peer) -> Step {
        peer.notify("vendor/notify", &json!({ "what": 1 }));
        peer.answer(&json!(4711), &json!({}));
        match peer.ask("vendor/ask", &json!({}), &self.name) {
            Ok(answer) => {
                self.tell(peer, &format!("{:?}", answer.result.map_err(|error| error["code"].clone())))
            }
            Err(()) => Step::Stop(Ended::Gone),
        }
    }

    fn question(&self, peer: &mut Peer, field: &str) -> Step {
        let schema = json!({ "type": "object", "properties": { field: { "type": "string" } } });
        let params = json!({ "sessionId": self.name, "mode": "form", "message": format!("Which {field}?"),
            "requestedSchema": schema });
        match peer.ask("elicitation/create", &params, &self.name) {
            Ok(answer) => {
                let said: Value = answer.result.unwrap_or_else(|error| error);
                self.tell(peer, &said.to_string())
            }
            Err(()) => Step::Stop(Ended::Gone),
        }
    }
}

/// Leaves a program that holds standard output and standard error, and ends.
fn orphan() -> ! {
    let sleeper = std::process::Command::new("sleep").arg("300").stdin(std::process::Stdio::null()).spawn();
    sleeper.expect("`sleep` is everywhere");
    std::process::exit(9);
}
