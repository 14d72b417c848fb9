//! omi-agentd: the daemon beneath a person's AI agents.

mod adapter;
mod answer;
mod artifacts;
mod bundled;
mod bundled_files;
mod caller;
mod cancel;
mod catalogue;
mod cli;
mod client;
mod clock;
mod component;
mod components;
mod config;
mod connection;
mod daemon;
mod delegate;
mod detect;
mod doctor;
mod driver;
mod engine;
mod files;
mod follow;
mod grants;
mod http;
mod inspect;
mod link;
mod manual;
mod mcp;
mod native;
mod prompt;
mod record;
mod recording;
mod relay;
mod replay;
mod run;
mod schema;
mod serve;
mod session;
mod shim;
mod state;
mod subscribe;
mod surface;
#[cfg(test)]
#[path = "../build/templates.rs"]
mod templates;
mod terminal;
mod tool;
mod wire;
mod words;

use std::process::ExitCode;

use clap::Parser as _;

use cli::{Cli, Command, Schema, SchemaOf};
use config::ConfigFile;
use state::StateDir;

/// Something went wrong that is not the run's own end. Also what a failed run exits with.
const FAILED: u8 = 1;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    if arguments.nth(1).is_some_and(|word| word == engine::SUPERVISE) {
        return omi_engine::supervisor::main(arguments);
    }
    let hidden = hide();
    let cli = Cli::parse();
    trace(cli.verbose, cli.command.is_trial());
    if let Err(error) = hidden {
        tracing::warn!(%error, "what this user runs may be able to look into this process");
    }
    match execute(cli) {
        Ok(code) => code,
        Err(error) => {
            terminal::error(&format!("{error:#}"));
            ExitCode::from(FAILED)
        }
    }
}

/// Closes this process to others of the same user, which are what it starts: its memory, its variables, its files.
///
/// What it starts is not closed by this. Its own look at itself is not either.
fn hide() -> std::io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}

fn execute(cli: Cli) -> anyhow::Result<ExitCode> {
    if matches!(cli.command, Command::McpShim) {
        // It has no state and no configuration: whoever starts it is told of neither.
        return shim::pipe();
    }
    let state = StateDir::choose(cli.state_dir)?;
    let (path, required) = match &cli.config {
        Some(path) => (std::path::absolute(path)?, true),
        None => (state::default_config()?, false),
    };
    let file = ConfigFile { path, required };
    // Who only looks at the record needs no configuration, and who says what is wrong with one, or writes one, reads it
    // in a way of its own.
    let config = || file.load();
    match cli.command {
        Command::Run(run) => runtime()?.block_on(run::run(run, &state, config()?)),
        Command::Record(record) => runtime()?.block_on(run::record(record, &state, config()?)),
        Command::Replay(args) => Ok(replay::run(&args, &state, runtime()?.handle())),
        Command::Retry(retry) => runtime()?.block_on(run::retry(retry, &state, config()?)),
        Command::Cancel(args) => runtime()?.block_on(cancel::cancel(args, &state, config()?)),
        Command::Approve(args) => runtime()?.block_on(answer::approve(args, &state)),
        Command::Answer(args) => runtime()?.block_on(answer::answer(args, &state)),
        Command::Delegate(args) => runtime()?.block_on(delegate::delegate(args, &state)),
        Command::Serve(args) => runtime()?.block_on(serve::serve(&args, &state, config()?)),
        Command::Mcp => {
            let runtime = runtime()?;
            let code = runtime.block_on(mcp::stdio::serve(&state, config()?));
            // A read of standard input that never returns must not keep the program from ending.
            runtime.shutdown_background();
            code
        }
        Command::NativeHost(args) => runtime()?.block_on(native::native_host(args, &state, &file)),
        Command::McpShim => shim::pipe(),
        Command::Session(args) => runtime()?.block_on(session::session(args, &state, config()?)),
        Command::Adapters(args) => inspect::adapters(&args, &state, &config()?, runtime()?.handle()),
        Command::Adapter(args) => adapter::adapter(args, &state, &file, runtime()?.handle()),
        Command::Doctor(args) => doctor::doctor(&args, &state, &file, runtime()?.handle()),
        Command::Sessions(list) => inspect::sessions(&list, &state),
        Command::Runs(list) => inspect::runs(&list, &state),
        Command::Requests(args) => inspect::requests(&args, &state),
        Command::Artifacts(list) => inspect::artifacts(&list, &state),
        Command::Delegations(args) => inspect::delegations(&args, &state),
        Command::Events(args) => runtime()?.block_on(inspect::events(args, &state)),
        Command::Completions(args) => Ok(manual::completions(&args)),
        Command::Man(args) => manual::man(&args),
        Command::Grants(args) => runtime()?.block_on(grants::grants(args, &state)),
        Command::Schema(args) => Ok(schema(&args)),
    }
}

/// Prints a schema.
fn schema(args: &Schema) -> ExitCode {
    let schema = match args.of {
        SchemaOf::Wire => wire::wire_schema(),
    };
    // A reader that has gone away has seen enough.
    let _ = terminal::print(&format!("{schema:#}\n"));
    ExitCode::SUCCESS
}

/// Two threads: the driver and each worker have their own, what is left are pipes and timers.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()
}

/// The log goes to standard error: warnings, more with `-v`, or what `OMI_AGENT_LOG` says.
/// What an adapter logs in a trial is shown only if more is wanted: it is led into trouble on purpose.
fn trace(verbose: u8, trial: bool) {
    let default = match verbose {
        0 if trial => "warn,omi_adapter=off",
        // What a client of MCP does wrong is told to it.
        0 => "warn,rmcp=error",
        1 => "omi=debug,warn,rmcp=error",
        _ => "debug",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("OMI_AGENT_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    let writer = || {
        terminal::clear();
        std::io::stderr()
    };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_target(false);
    // Where nobody takes the log, a complaint about that would go to the same place, and end the thread that logs.
    log.log_internal_errors(false).init();
}
