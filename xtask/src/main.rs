//! `cargo xtask`: sets up what the machine lacks, then builds, tests or shows the project.

mod a2a_server;
mod adapters;
mod apt_index;
mod apt_sources;
mod bench;
mod chromium;
mod client;
mod contract;
mod debian;
mod debian_version;
mod demo;
mod deny;
mod download;
mod languages;
mod mcp_client;
mod measured;
mod packages;
mod place;
mod real_agents;
mod rust_std;
mod schemathesis;
mod stanza;
mod step;
mod target;
mod test;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// Sets up what the machine lacks, then does what was asked.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Build the bundled adapters and the hostile test guests as components into `target/`.
    Adapters,
    /// Run every check and every test; the first failing step ends it with that step's exit code.
    Test(TestArguments),
    /// Drive the real runtimes that can be had here, and write what they did into `adapters/README.md`.
    Agents(AgentsArguments),
    /// Measure, beside the machine's own limit.
    Bench(BenchArguments),
    /// Show the daemon at work on a real agent.
    Demo(DemoArguments),
    /// Write the types of the TypeScript client from the description of what is served over HTTP.
    Client,
    /// Say what the contract of adapters is measured by.
    Wit(WitArguments),
}

#[derive(Debug, Args)]
struct TestArguments {
    /// Also run the long tests (sets `OMI_TEST_LONG=1`).
    #[arg(long)]
    long: bool,
    /// Neither install nor run the published agents.
    #[arg(long)]
    quick: bool,
}

#[derive(Debug, Args)]
struct AgentsArguments {
    /// Only these [default: all]; the rows of the others stay as they were measured here.
    names: Vec<String>,
}

#[derive(Debug, Args)]
struct BenchArguments {
    /// What is measured.
    #[arg(value_enum)]
    subject: bench::Subject,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct DemoArguments {
    /// The ACP agent to drive, as one command line; the default is the project's own test agent.
    #[arg(long, value_name = "COMMAND LINE")]
    agent: Option<String>,
}

#[derive(Debug, Args)]
struct WitArguments {
    /// What is done.
    #[arg(value_enum)]
    act: contract::Act,
}

fn main() -> ExitCode {
    step::start_clock();
    let done = match Arguments::parse().task {
        Task::Adapters => adapters::build_all(),
        Task::Test(arguments) => test::run(arguments.long, arguments.quick),
        Task::Agents(arguments) => measured::run(&arguments.names),
        Task::Bench(arguments) => bench::run(arguments.subject, arguments.json),
        Task::Demo(arguments) => demo::run(arguments.agent.as_deref()),
        Task::Client => client::write(),
        Task::Wit(arguments) => contract::run(arguments.act),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            error.downcast_ref::<step::StepFailed>().map_or(ExitCode::FAILURE, step::StepFailed::exit_code)
        }
    }
}
