//! What is asked of the daemon: several clients, short and endless work, repetitions, interruptions.

use omi_tests::world::{World, program};
use serde_json::{Value, json};

use super::chance::Chance;

/// Who asks.
const CLIENTS: [&str; 3] = ["app", "browser", "terminal"];
/// What is asked about again and again, also after a crash; each is one session.
const TASKS: [&str; 3] = ["garden", "kitchen", "cellar"];
/// Lines of a round, at least, and how many more there may be.
const LINES: (u32, u32) = (12, 30);

/// A client and its own name for what it asks.
pub(super) type Key = (String, String);

/// Something that was asked, or is going to be.
pub(super) struct Asked {
    pub(super) key: Key,
    pub(super) query: Value,
    /// It goes on until it is interrupted.
    pub(super) endless: bool,
    /// The answer if nothing comes in between; none if it has no text of its own.
    pub(super) answer: Option<String>,
}

/// The registrations: an agent that keeps its sessions, and one that hears no cancellation.
pub(super) fn configuration(world: &World) -> String {
    let agent = program("omi-test-agents").display().to_string();
    let state = world.path("native").display().to_string();
    let good = [&agent, "--state", &state];
    let deaf = [&agent, "deaf", "--state", &state];
    format!(
        "cancel-grace-ms = 1000\n\
         [registrations.tester]\ncomponent = 'acp'\napprovals = 'legacy'\ngrants.agent = {{ command = {good:?} }}\n\
         [registrations.deaf]\ncomponent = 'acp'\ngrants.agent = {{ command = {deaf:?} }}\n"
    )
}

/// Plans the lines of a round. What is new is added to what was asked.
pub(super) fn plan(chance: &mut Chance, round: u32, asked: &mut Vec<Asked>) -> Vec<Value> {
    let first = asked.len();
    let count = LINES.0 + chance.below(LINES.1);
    (0..count)
        .map(|number| match chance.below(10) {
            6 | 7 if !asked.is_empty() => chance.pick(asked).map_or(Value::Null, |old| old.query.clone()),
            8 | 9 if asked.len() > first => {
                chance.pick(&asked[first..]).map_or(Value::Null, |asked| interrupt(&asked.key))
            }
            _ => {
                let new = ask(chance, round, number / 2);
                // Two clients may use the same name; one client uses a name for one thing only.
                match asked[first..].iter().find(|old| old.key == new.key) {
                    Some(old) => old.query.clone(),
                    None => {
                        asked.push(new);
                        asked.last().map_or(Value::Null, |new| new.query.clone())
                    }
                }
            }
        })
        .collect()
}

fn ask(chance: &mut Chance, round: u32, number: u32) -> Asked {
    let client = chance.pick(&CLIENTS).copied().unwrap_or_default();
    let request = format!("{round}-{number}");
    // The record does not list the client: the prompt does.
    let name = format!("{client}/{request}");
    let (adapter, prompt, answer) = match chance.below(9) {
        0..=3 => ("echo", name.clone(), Some(name)),
        4 => ("tester", format!("say {name}"), Some(name)),
        5 => {
            let text = format!("{name}{}", " and on".repeat(15));
            ("tester", format!("say {text}"), Some(text))
        }
        6 => ("tester", format!("write {request}.txt {name}\nsay {name}"), Some(name)),
        7 => ("tester", format!("slow {name}"), None),
        _ => ("deaf", format!("slow {name}"), None),
    };
    let mut query = query(client, &request, adapter, &prompt);
    if adapter == "tester" && chance.below(3) == 0 {
        query["externalRefKind"] = json!("task");
        query["externalRefId"] = json!(chance.pick(&TASKS));
    }
    Asked { key: (client.to_owned(), request), query, endless: answer.is_none(), answer }
}

/// Endless work that nobody plans to interrupt, by each of the agents: what hears a cancellation, and what does not.
pub(super) fn first() -> [Asked; 2] {
    ["tester", "deaf"].map(|adapter| {
        let (client, request) = (CLIENTS[0], format!("first-{adapter}"));
        let query = query(client, &request, adapter, &format!("slow {client}/{request}"));
        Asked { key: (client.to_owned(), request), query, endless: true, answer: None }
    })
}

fn query(client: &str, request: &str, adapter: &str, prompt: &str) -> Value {
    json!({ "type": "query", "protocolVersion": 2, "requestId": request, "clientId": client,
        "adapterId": adapter, "prompt": prompt })
}

/// The request to stop something.
pub(super) fn interrupt((client, request): &Key) -> Value {
    json!({ "type": "interrupt", "protocolVersion": 2, "requestId": request, "clientId": client })
}
