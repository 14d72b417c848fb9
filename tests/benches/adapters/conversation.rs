//! A conversation of many updates: through the daemon and its component, and with a bare client of the same agent.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use omi_figures::{Figure, Unit, median};
use omi_tests::world::{World, program};
use serde_json::json;

use crate::Failed;
use crate::talk::Talk;

/// Updates of a conversation: a long answer of a model has so many tokens.
const UPDATES: u32 = 10_000;
/// Updates of a second, where the agent takes its time: ten times as many as the fastest models give.
const PER_SECOND: u32 = 5_000;
/// How often each is measured.
const ROUNDS: usize = 5;
/// How much longer a conversation may take than without us.
const WALL_MAX: f64 = 1.1;
/// Millionths of a second that the daemon may compute for an update.
const CPU_US_MAX: f64 = 10.0;

pub(crate) fn measure(world: &World) -> Result<Vec<Figure>, Failed> {
    let paced = format!("stream {UPDATES} {PER_SECOND}");
    let flood = format!("stream {UPDATES}");
    let mut daemon = Daemon::start(world)?;
    let mut bare = Bare::start(world)?;
    let (mut walls, mut bare_walls, mut cpu) = (Vec::new(), Vec::new(), Vec::new());
    let (mut floods, mut bare_floods, mut flood_cpu) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (wall, used) = daemon.converse(&paced)?;
        walls.push(wall);
        cpu.push(used);
        bare_walls.push(bare.converse(&paced)?);
        let (wall, used) = daemon.converse(&flood)?;
        floods.push(wall);
        flood_cpu.push(used);
        bare_floods.push(bare.converse(&flood)?);
    }
    let (wall, bare_wall) = (median(&mut walls), median(&mut bare_walls));
    let (flood, bare_flood) = (median(&mut floods), median(&mut bare_floods));
    let each = |seconds: f64| seconds * 1e6 / f64::from(UPDATES);
    let name = |what: &str| format!("{UPDATES} updates{what}");
    let at_pace = format!(", {PER_SECOND} a second");
    Ok(vec![
        Figure::new(name(&at_pace), wall, Unit::Seconds).beside(bare_wall),
        Figure::new("the same, times a bare client", wall / bare_wall, Unit::Times).at_most(WALL_MAX),
        Figure::new("CPU of the daemon for each", each(median(&mut cpu)), Unit::Microseconds)
            .at_most(CPU_US_MAX),
        Figure::new(name(", as fast as it can"), flood, Unit::Seconds).beside(bare_flood),
        Figure::new("CPU of the daemon for each of those", each(median(&mut flood_cpu)), Unit::Microseconds)
            .at_most(CPU_US_MAX),
    ])
}

/// The daemon with the agent in it, warm.
struct Daemon {
    talk: Talk,
    asked: u32,
    session: Option<String>,
}

impl Daemon {
    fn start(world: &World) -> Result<Self, Failed> {
        let talk = Talk::start(&mut world.command(&["serve", "--stdio"]))?;
        let mut daemon = Self { talk, asked: 0, session: None };
        daemon.converse("say hello")?;
        Ok(daemon)
    }

    /// How long a prompt takes until its result, and how long the daemon computed for it, in seconds.
    fn converse(&mut self, prompt: &str) -> Result<(f64, f64), Failed> {
        self.asked += 1;
        let request = format!("r{}", self.asked);
        let (began, before) = (Instant::now(), cpu_seconds(self.talk.id())?);
        self.talk.send(&json!({ "type": "query", "protocolVersion": 2, "clientId": "bench",
            "requestId": request, "adapterId": "tester", "prompt": prompt, "sessionId": self.session }))?;
        let over = |kind: &str| kind == "result" || kind == "error";
        let result = self
            .talk
            .hear(|said| said["requestId"] == request && over(said["type"].as_str().unwrap_or_default()))?;
        let taken = began.elapsed().as_secs_f64();
        if result["terminalStatus"] != "succeeded" {
            return Err(format!("the run did not succeed: {result}").into());
        }
        self.session = result["sessionId"].as_str().map(str::to_owned);
        Ok((taken, cpu_seconds(self.talk.id())? - before))
    }
}

/// The agent and the least client it can have.
struct Bare {
    talk: Talk,
    asked: u32,
    session: String,
}

impl Bare {
    fn start(world: &World) -> Result<Self, Failed> {
        let mut command = Command::new(program("omi-test-agents"));
        world.settle(&mut command);
        let mut talk = Talk::start(&mut command)?;
        let session = open(&mut talk, &world.work())?;
        Ok(Self { talk, asked: 2, session })
    }

    fn converse(&mut self, prompt: &str) -> Result<f64, Failed> {
        self.asked += 1;
        let began = Instant::now();
        let blocks = json!([{ "type": "text", "text": prompt }]);
        let params = json!({ "sessionId": self.session, "prompt": blocks });
        self.talk.ask(self.asked, "session/prompt", &params)?;
        Ok(began.elapsed().as_secs_f64())
    }
}

/// Opens a session of an agent that has just started; the next request has the number 3.
pub(crate) fn open(talk: &mut Talk, folder: &Path) -> Result<String, Failed> {
    talk.ask(1, "initialize", &json!({ "protocolVersion": 1, "clientCapabilities": {} }))?;
    let session = talk.ask(2, "session/new", &json!({ "cwd": folder, "mcpServers": [] }))?;
    Ok(session["sessionId"].as_str().ok_or("a session without a name")?.to_owned())
}

/// Seconds that all threads of a process have computed.
fn cpu_seconds(pid: u32) -> Result<f64, Failed> {
    /// What the system counts in (`CLK_TCK` of Linux, whatever the kernel's own clock).
    const TICKS: f64 = 100.0;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name of the program may hold anything, so fields are counted from its end.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|field| field.parse::<f64>().ok());
    // `utime` and `stime`, the 14th and 15th of all.
    let (user, system) = ticks(11).zip(ticks(12)).ok_or("no times of the process")?;
    Ok((user + system) / TICKS)
}
