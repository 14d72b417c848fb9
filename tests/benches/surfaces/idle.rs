//! A daemon that nobody asks anything: how soon it is ready, and what it takes.

use std::time::Instant;

use omi_figures::{Figure, Unit, median};
use omi_tests::world::World;
use omi_tests::world::http::HttpDaemon;
use serde_json::json;

use crate::Failed;

/// How often it is started.
const ROUNDS: usize = 11;
/// Thousandths of a second until it answers.
const READY_MS_MAX: f64 = 50.0;
/// Millions of bytes.
const MEMORY_MB_MAX: f64 = 20.0;

pub(crate) fn measure() -> Result<Vec<Figure>, Failed> {
    let world = World::new();
    // Components are compiled by the first run.
    world.run(&["run", "hello"], "");
    let (mut ready, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let daemon = HttpDaemon::start(&world, &[]);
        let answer = daemon.tcp().get("/healthz");
        ready.push(begun.elapsed().as_secs_f64() * 1e3);
        if answer.status != 200 {
            return Err(format!("it answers {}", answer.status).into());
        }
        memory.push(resident_mb(&daemon));
        daemon.end();
    }
    let daemon = HttpDaemon::start(&world, &[]);
    let mut socket = daemon.tcp().websocket().map_err(|status| format!("refused: {status}"))?;
    socket.send("bench", "query", "a", &json!({ "prompt": "hi" }));
    socket.hear(|message| message["type"] == "result");
    drop(socket);
    Ok(vec![
        Figure::new("cold start until it answers over HTTP", median(&mut ready), Unit::Milliseconds)
            .at_most(READY_MS_MAX),
        Figure::new("memory of an idle daemon", median(&mut memory), Unit::Megabytes).at_most(MEMORY_MB_MAX),
        Figure::new("the same with one idle worker", resident_mb(&daemon), Unit::Megabytes),
    ])
}

/// Millions of bytes that a daemon has: its own memory, and what it has of files.
fn resident_mb(daemon: &HttpDaemon) -> f64 {
    f64::from(daemon.resident_kib()) * 1024.0 / 1e6
}
