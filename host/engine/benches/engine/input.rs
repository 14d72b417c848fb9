//! What one input costs, in time of the processor of all threads together.

use std::time::Duration;

use omi_kernel::command::{BindingSettings, Command, Execute, PromptBlock, RunMode};
use omi_kernel::id::{AttemptId, BindingId, RunId, SessionId};
use omi_kernel::report::Report;
use rustix::time::{ClockId, clock_gettime};

use crate::Failed;
use crate::bare::{self, Bare, Instance};
use crate::ours::{Ours, Started, bundled, id};
use omi_figures::{Figure, Unit, median};

/// Inputs of one round: a burst that the inbox of a worker holds.
const BURST: usize = 1_920;
/// Inputs that the engine gives an adapter in one call.
const PER_CALL: usize = 192;
/// Rounds of each.
const ROUNDS: usize = 51;
/// Microseconds that an input may cost.
const INPUT_US_MAX: f64 = 2.0;

/// The medians: in bursts, as a stream of output comes, and one by one, as a person types.
pub(crate) fn measure() -> Result<Vec<Figure>, Failed> {
    let cache = tempfile::tempdir()?;
    let (ours, bare) = (Ours::new(cache.path())?, Bare::new()?);
    let bytes = bundled("echo")?;
    let (adapter, component) = (ours.engine.load("echo", &bytes)?, bare.prepare(&bytes)?);
    let (worker, mut instance) = (ours.start(&adapter)?, bare.start(&component)?);
    let binding = open(&worker)?;
    instance.handle(&[bare::open(1)])?;

    let quiet = median_of(|| burst_of_quiet(&worker))?;
    let bare_quiet = median_of(|| calls(&mut instance, PER_CALL, |_| bare::authenticate()))?;
    let prompts = median_of(|| burst_of_prompts(&worker, &binding))?;
    let prompt = |number| bare::prompt(number, 1);
    let bare_prompts = median_of(|| calls(&mut instance, PER_CALL, prompt))?;
    let single = median_of(|| one_by_one(&worker, &binding))?;
    let bare_single = median_of(|| calls(&mut instance, 1, prompt))?;
    worker.end()?;
    Ok(vec![
        figure("CPU of an input of `echo`", quiet, bare_quiet).at_most(INPUT_US_MAX),
        figure("CPU of a prompt with its three outputs, in a burst", prompts, bare_prompts),
        figure("CPU of the same, one by one", single, bare_single),
    ])
}

fn figure(name: &str, ours: f64, bare: f64) -> Figure {
    Figure::new(name, ours, Unit::Microseconds).beside(bare)
}

fn median_of(mut round: impl FnMut() -> Result<Duration, Failed>) -> Result<f64, Failed> {
    let each =
        |taken: Duration| taken.as_secs_f64() * 1e6 / f64::from(u32::try_from(BURST).unwrap_or(u32::MAX));
    let mut values = (0..ROUNDS).map(|_| round().map(each)).collect::<Result<Vec<f64>, _>>()?;
    Ok(median(&mut values))
}

/// Inputs that the adapter does not answer, and one that it does.
fn burst_of_quiet(worker: &Started) -> Result<Duration, Failed> {
    let commands = (1..BURST).map(|_| Command::Authenticate { method: "none".to_owned() });
    let commands: Vec<Command> = commands.chain([open_command(&id(BindingId::new))]).collect();
    let begun = processor_time();
    for command in commands {
        worker.worker.send(command)?;
    }
    let opened = worker.next()?;
    let taken = processor_time().saturating_sub(begun);
    let Report::BindingOpened { binding, .. } = opened else { return Err(format!("{opened:?}").into()) };
    worker.worker.send(Command::CloseBinding { binding })?;
    Ok(taken)
}

fn burst_of_prompts(worker: &Started, binding: &BindingId) -> Result<Duration, Failed> {
    let commands: Vec<Command> = (0..BURST).map(|_| prompt(binding)).collect();
    let begun = processor_time();
    for command in commands {
        worker.worker.send(command)?;
    }
    for _ in 0..BURST {
        finished(worker)?;
    }
    Ok(processor_time().saturating_sub(begun))
}

fn one_by_one(worker: &Started, binding: &BindingId) -> Result<Duration, Failed> {
    let commands: Vec<Command> = (0..BURST).map(|_| prompt(binding)).collect();
    let begun = processor_time();
    for command in commands {
        worker.worker.send(command)?;
        finished(worker)?;
    }
    Ok(processor_time().saturating_sub(begun))
}

/// The same inputs, without anything of ours.
fn calls(
    instance: &mut Instance,
    per_call: usize,
    input: impl Fn(u32) -> bare::Input,
) -> Result<Duration, Failed> {
    let inputs: Vec<bare::Input> = (1..).take(BURST).map(input).collect();
    let begun = processor_time();
    for inputs in inputs.chunks(per_call) {
        instance.handle(inputs)?;
    }
    Ok(processor_time().saturating_sub(begun))
}

fn finished(worker: &Started) -> Result<(), Failed> {
    loop {
        match worker.next()? {
            Report::AttemptFinished { .. } => return Ok(()),
            Report::Activity { .. } => {}
            other => return Err(format!("the attempt is not finished: {other:?}").into()),
        }
    }
}

fn open(worker: &Started) -> Result<BindingId, Failed> {
    worker.worker.send(open_command(&id(BindingId::new)))?;
    match worker.next()? {
        Report::BindingOpened { binding, .. } => Ok(binding),
        other => Err(format!("the binding is not open: {other:?}").into()),
    }
}

fn open_command(binding: &BindingId) -> Command {
    let settings = Box::new(BindingSettings { cwd: "/".to_owned(), ..BindingSettings::default() });
    Command::OpenBinding { binding: binding.clone(), session: id(SessionId::new), settings }
}

fn prompt(binding: &BindingId) -> Command {
    Command::Execute(Execute {
        attempt: id(AttemptId::new),
        binding: binding.clone(),
        session: id(SessionId::new),
        run: id(RunId::new),
        number: 1,
        prompt: vec![PromptBlock::Text { text: "hello".to_owned() }],
        mode: RunMode::Act,
        model: None,
    })
}

/// How long all threads of this process have run.
fn processor_time() -> Duration {
    // The time that a process has run is never negative.
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
}
