//! One burst of events, and many who hear it.

use std::time::Instant;

use omi_figures::{Figure, Unit};
use omi_tests::world::World;
use omi_tests::world::http::{HttpDaemon, WebSocket};
use serde_json::json;

use crate::Failed;
use crate::many::{LAST, Many};

/// Who listens.
const SUBSCRIBERS: usize = 500;
/// Runs of the burst.
const RUNS: usize = 250;
/// Deliveries in a second that there should be.
const PER_SECOND_MIN: f64 = 500_000.0;

pub(crate) fn measure() -> Result<Vec<Figure>, Failed> {
    let world = World::new();
    let daemon = HttpDaemon::start(&world, &[]);
    let mut socket = daemon.tcp().websocket().map_err(|status| format!("refused: {status}"))?;
    // Once before, so that workers and caches are warm.
    burst(&mut socket, "warm");
    let mut many = Many::listen(&daemon, SUBSCRIBERS, "")?;
    let begun = Instant::now();
    burst(&mut socket, "hot");
    socket.send("bench", "query", LAST, &json!({ "prompt": "hi" }));
    let deliveries = many.read()?;
    let seconds = begun.elapsed().as_secs_f64();
    let deliveries = f64::from(u32::try_from(deliveries)?);
    let name = format!("deliveries to {SUBSCRIBERS} subscribers");
    Ok(vec![Figure::new(name, deliveries / seconds, Unit::PerSecond).at_least(PER_SECOND_MIN)])
}

/// Many runs at once, and what is heard of them but for the end.
fn burst(socket: &mut WebSocket, name: &str) {
    for number in 0..RUNS {
        socket.send("bench", "query", &format!("{name}-{number}"), &json!({ "prompt": "hi" }));
    }
    for _ in 0..RUNS {
        socket.hear(|message| message["type"] == "result");
    }
}
