//! From a prompt to its first event, which is recorded then.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Instant;

use omi_figures::{Figure, Unit, median, percentile};
use omi_tests::world::World;
use omi_tests::world::http::HttpDaemon;
use serde_json::json;

use crate::Failed;

/// Prompts that are measured, after some that are not.
const PROMPTS: usize = 1_000;
const WARM: usize = 50;
/// Thousandths of a second for half of them, and for all but one in a hundred.
const HALF_MS_MAX: f64 = 1.0;
const MOST_MS_MAX: f64 = 3.0;

pub(crate) fn measure() -> Result<Vec<Figure>, Failed> {
    let world = World::new();
    let daemon = HttpDaemon::start(&world, &[]);
    let client = daemon.tcp();
    let session = client.post("/v1/sessions", &json!({})).json()["session"]["sessionId"]
        .as_str()
        .ok_or("no session")?
        .to_owned();
    let mut events = client.listen(&format!("/v1/sessions/{session}/events"));
    let mut post = KeptAlive::connect(&daemon)?;
    let (mut first, mut text) = (Vec::new(), Vec::new());
    for number in 0..WARM + PROMPTS {
        let begun = Instant::now();
        post.message(&session)?;
        let accepted = events.up_to(|event| event.kind == "run.queued");
        let recorded = begun.elapsed().as_secs_f64() * 1e3;
        drop(accepted);
        events.up_to(|event| {
            matches!(event.kind.as_str(), "text_delta" | "message.delta" | "message.completed")
        });
        let said = begun.elapsed().as_secs_f64() * 1e3;
        events.up_to(|event| event.kind == "run.succeeded");
        if number >= WARM {
            first.push(recorded);
            text.push(said);
        }
    }
    let sync = sync_ms(&world)?;
    Ok(vec![
        Figure::new("accepted over HTTP until its first event, p50", median(&mut first), Unit::Milliseconds)
            .at_most(HALF_MS_MAX)
            .beside(sync),
        Figure::new("the same, p99", percentile(&mut first, 99), Unit::Milliseconds).at_most(MOST_MS_MAX),
        Figure::new("until the first text of echo, p50", median(&mut text), Unit::Milliseconds),
        Figure::new("the same, p99", percentile(&mut text, 99), Unit::Milliseconds),
    ])
}

/// How long the machine takes to keep 4 KiB, p50.
fn sync_ms(world: &World) -> Result<f64, Failed> {
    let mut file = std::fs::File::create(world.path("sync"))?;
    let mut times = Vec::new();
    for _ in 0..200 {
        let begun = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(median(&mut times))
}

/// A connection that goes on after an answer, as a browser's does.
struct KeptAlive {
    stream: BufReader<TcpStream>,
    head: String,
}

impl KeptAlive {
    fn connect(daemon: &HttpDaemon) -> Result<Self, Failed> {
        let address = daemon.address();
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let head = format!(
            "host: {address}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n",
            daemon.key
        );
        Ok(Self { stream: BufReader::new(stream), head })
    }

    fn message(&mut self, session: &str) -> Result<(), Failed> {
        let body = json!({ "text": "hi" }).to_string();
        let request = format!(
            "POST /v1/sessions/{session}/messages HTTP/1.1\r\n{}content-length: {}\r\n\r\n{body}",
            self.head,
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut length = 0;
        let mut line = String::new();
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            if line.starts_with("HTTP/") && !line.contains(" 202 ") {
                return Err(format!("it was not accepted: {line}").into());
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse()?;
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer)?;
        Ok(())
    }
}
