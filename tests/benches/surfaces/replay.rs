//! What was recorded before, from the first cursor on.

use std::time::Instant;

use omi_figures::{Figure, Unit, median};
use omi_tests::world::World;
use omi_tests::world::http::HttpDaemon;
use serde_json::json;

use crate::Failed;
use crate::many::{LAST, Many};

/// Runs that make the record: about ten events each.
const RUNS: usize = 10_000;
/// Runs that are asked for at the same time.
const AT_ONCE: usize = 500;
/// How often it is replayed.
const ROUNDS: usize = 5;
/// Events in a second that there should be.
const PER_SECOND_MIN: f64 = 200_000.0;

pub(crate) fn measure() -> Result<Vec<Figure>, Failed> {
    let world = World::new();
    let daemon = HttpDaemon::start(&world, &[]);
    let mut socket = daemon.tcp().websocket().map_err(|status| format!("refused: {status}"))?;
    let begun = Instant::now();
    for begin in (0..RUNS).step_by(AT_ONCE) {
        for number in begin..begin + AT_ONCE {
            socket.send("bench", "query", &format!("run-{number}"), &json!({ "prompt": "hi" }));
        }
        for _ in 0..AT_ONCE {
            socket.hear(|message| message["type"] == "result");
        }
        socket.heard.clear();
    }
    socket.send("bench", "query", LAST, &json!({ "prompt": "hi" }));
    let runs = f64::from(u32::try_from(RUNS)?) / begun.elapsed().as_secs_f64();
    socket.hear(|message| message["type"] == "result");
    let (mut rates, mut events) = (Vec::new(), 0);
    for _ in 0..ROUNDS {
        let mut one = Many::listen(&daemon, 1, "?after=0")?;
        let begun = Instant::now();
        events = one.read()?;
        rates.push(f64::from(u32::try_from(events)?) / begun.elapsed().as_secs_f64());
    }
    Ok(vec![
        Figure::new(
            format!("replay of {events} events, one subscriber"),
            median(&mut rates),
            Unit::PerSecond,
        )
        .at_least(PER_SECOND_MIN),
        Figure::new("whole runs of echo over a WebSocket, 500 at a time", runs, Unit::PerSecond),
    ])
}
