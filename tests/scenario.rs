//! One story through every door: what is recorded is the same, whoever asks (issue text of surfaces).
//!
//! | | stdio v2 | stdio v1 | HTTP + SSE | WebSocket | native messaging | MCP |
//! | --- | --- | --- | --- | --- | --- | --- |
//! | query, stream | yes | yes | yes | yes | yes | yes, whole |
//! | approve | yes | no: it asks nobody | yes | yes | yes | no: no tool answers for a person |
//! | cancel | yes | yes | yes | yes | yes | yes |
//! | reconnect in mid-stream | no: the pipe is the daemon's life | no | yes | yes | yes | no: it has no stream |
//! | two clients, one request id | yes | no: it names no client | yes | yes | yes | no: it names no client |
//! | another owner | no: it has one | no | yes | yes | no: it has one | yes |

mod door;
mod http;
mod mcp;
mod native;
mod old;
mod rows;
mod socket;
mod stdio;

use door::{Act, Door};
use omi_tests::world::World;
use rows::Rows;
use serde_json::Value;

/// A step of the story.
struct Step {
    act: Act,
    prompts: Vec<String>,
}

fn steps() -> Vec<Step> {
    let table: toml::Table = include_str!("scenario/steps.toml").parse().expect("the scenario is TOML");
    let steps = table["step"].as_array().expect("steps");
    let read = |step: &toml::Value| Step {
        act: Act::parse(step["act"].as_str().expect("an act")),
        prompts: step["prompts"]
            .as_array()
            .expect("prompts")
            .iter()
            .map(|prompt| prompt.as_str().expect("a prompt").to_owned())
            .collect(),
    };
    steps.iter().map(read).collect()
}

/// Plays the story through a door, as far as it supports it, and gives what is recorded of each step.
fn played(world: &World, mut door: impl Door) -> Vec<(Act, Rows)> {
    let mut steps = steps();
    steps.retain(|step| door.supports(step.act));
    for step in &steps {
        door::play(&mut door, step.act, &step.prompts);
    }
    door.end();
    steps.iter().map(|step| (step.act, Rows::of(world, &step.prompts))).collect()
}

fn prepared() -> World {
    let world = World::new();
    std::fs::write(world.path("other.key"), door::OTHER_KEY).expect("a file");
    let key = "[api-keys.other]\nowner = 'other'\nfile = 'other.key'\n";
    world.configure(&format!("{}{key}", omi_tests::world::tester(&[], "")));
    world
}

/// What is recorded through a door is what is recorded through the pipe. Answers how many steps there were.
fn same(open: impl for<'w> FnOnce(&'w World) -> Box<dyn Door + 'w>) -> usize {
    let (world, pipe) = (prepared(), prepared());
    let through = played(&world, open(&world));
    let reference = played(&pipe, socket::WebSocketDoor::open(&pipe));
    for (act, rows) in &through {
        let (_, expected) =
            reference.iter().find(|(of, _)| of == act).expect("the WebSocket supports every step");
        let (rows, expected) = (rows.json(), expected.json());
        assert_eq!(rows, expected, "{act:?}: {}", difference(&rows, &expected));
    }
    through.len()
}

/// Where two values differ first.
fn difference(left: &Value, right: &Value) -> String {
    match (left, right) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            let differs = |key: &&&String| a.get(**key) != b.get(**key);
            keys.iter().find(differs).map_or_else(String::new, |key| {
                let none = Value::Null;
                format!("{key}: {}", difference(a.get(*key).unwrap_or(&none), b.get(*key).unwrap_or(&none)))
            })
        }
        (Value::Array(a), Value::Array(b)) => {
            let place = a.iter().zip(b).position(|(a, b)| a != b).unwrap_or(a.len().min(b.len()));
            let none = Value::Null;
            format!("{place}: {}", difference(a.get(place).unwrap_or(&none), b.get(place).unwrap_or(&none)))
        }
        _ => format!("{left} is not {right}"),
    }
}

#[test]
fn a_pipe_of_wire_v2() {
    assert_eq!(same(|world| Box::new(stdio::PipeDoor::open(world))), 4);
}

#[test]
fn a_websocket() {
    assert_eq!(same(|world| Box::new(socket::WebSocketDoor::open(world))), 6);
}

#[test]
fn a_pipe_of_wire_v1() {
    assert_eq!(same(|world| Box::new(old::OldPipeDoor::open(world))), 2);
}

#[test]
fn http_with_server_sent_events() {
    assert_eq!(same(|world| Box::new(http::HttpDoor::open(world))), 6);
}

#[test]
fn native_messaging() {
    assert_eq!(same(|world| Box::new(native::NativeDoor::open(world))), 5);
}

#[test]
fn mcp_over_http() {
    assert_eq!(same(|world| Box::new(mcp::McpDoor::open(world))), 3);
}
