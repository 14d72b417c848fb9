//! One prompt with a daemon of its own: what `omi-agentd run` adds to the time and memory of the agent.

use std::process::Command;
use std::time::{Duration, Instant};

use omi_figures::{Figure, Unit, median};
use omi_tests::world::{World, program};
use serde_json::json;

use crate::Failed;
use crate::conversation::open;
use crate::talk::Talk;

/// How often each is measured.
const ROUNDS: usize = 15;
/// Milliseconds that our part may take.
const OWN_MS_MAX: f64 = 50.0;
/// Megabytes that our part may keep.
const OWN_MB_MAX: f64 = 30.0;
/// A prompt that lasts long enough to look at the daemon meanwhile.
const LASTING: &str = "stream 100 200";

pub(crate) fn measure(world: &World) -> Result<Vec<Figure>, Failed> {
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(one(|| run(world))?);
        bare.push(one(|| ask(world))?);
    }
    let (whole, agent) = (median(&mut ours), median(&mut bare));
    let name = "`omi-agentd run` with a short answer";
    Ok(vec![
        Figure::new(name, whole, Unit::Milliseconds).beside(agent),
        Figure::new("our part of it", whole - agent, Unit::Milliseconds).at_most(OWN_MS_MAX),
        Figure::new("most memory of it, without the agent", memory(world)?, Unit::Megabytes)
            .at_most(OWN_MB_MAX),
    ])
}

fn one(run: impl FnOnce() -> Result<(), Failed>) -> Result<f64, Failed> {
    let began = Instant::now();
    run()?;
    Ok(began.elapsed().as_secs_f64() * 1e3)
}

fn run(world: &World) -> Result<(), Failed> {
    let output = world.command(&["run", "--adapter", "tester", "say hi"]).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(())
}

/// The same by a bare client: start, open, ask, end.
fn ask(world: &World) -> Result<(), Failed> {
    let mut command = Command::new(program("omi-test-agents"));
    world.settle(&mut command);
    let mut talk = Talk::start(&mut command)?;
    let session = open(&mut talk, &world.work())?;
    let blocks = json!([{ "type": "text", "text": "say hi" }]);
    talk.ask(3, "session/prompt", &json!({ "sessionId": session, "prompt": blocks }))?;
    Ok(())
}

/// The most that the daemon had in memory at a time, in megabytes, as the system says while it runs.
fn memory(world: &World) -> Result<f64, Failed> {
    let mut command = world.command(&["run", "--adapter", "tester", LASTING]);
    let mut child =
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn()?;
    let mut most = 0.0_f64;
    while child.try_wait()?.is_none() {
        // A process that has just ended has no memory any more.
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        most = most.max(kilobytes.unwrap_or_default() * 1024.0 / 1e6);
        std::thread::sleep(Duration::from_millis(5));
    }
    if most == 0.0 { Err("nobody saw the daemon run".into()) } else { Ok(most) }
}
