//! Starting processes: the program that a registration names, or under a `terminal` grant one of the runtime's choice.

use std::sync::Arc;

use omi_kernel::descriptor::Capability;

use super::accesses::Want;
use super::command_line::{absolute, command_line};
use super::files::short_resource;
use super::folder::folder_below;
use super::{Actor, Step};
use crate::access::Deferred;
use crate::environment::{self, environment};
use crate::gate::Permit;
use crate::input::Why;
use crate::output::Spawn;
use crate::process::{Launch, Process};
use crate::registration::{Bound, BoundProcess, BoundTerminal, Setting};
use crate::secret;
use crate::stdin::Stdin;

/// A program that may be started, as far as the gate says so.
struct Program<'r> {
    argv: Vec<String>,
    setting: &'r Setting,
    cwd: std::path::PathBuf,
    /// What to do if the system cannot start it.
    hint: String,
}

impl Actor {
    pub(super) fn spawn(&mut self, spawn: Spawn) -> Step {
        let op = spawn.op;
        match self.check(op, spawn.scope).and_then(|()| self.want_spawn(&spawn)) {
            Ok((want, true)) => {
                let stdin = Stdin::new(op, self.runtime.limits.stdin_queue_bytes);
                self.ask(want, Deferred::Spawn { spawn, stdin })
            }
            Ok((want, false)) => self.ask(want, Deferred::Nothing),
            Err(why) => {
                self.refuse(op, why);
                Ok(())
            }
        }
    }

    /// What is to be decided, and whether there is a program behind the grant.
    fn want_spawn(&self, spawn: &Spawn) -> Result<(Want, bool), Why> {
        let declared = self.gate.declared(&spawn.grant);
        let is_terminal = declared.is_some_and(|declared| declared.capability == Capability::Terminal);
        let capability = if is_terminal { Capability::Terminal } else { Capability::Process };
        let program = self.program(&capability, spawn).transpose()?;
        if program.is_some() {
            self.room_for_process()?;
        }
        let (resource, covers) = match &program {
            None => {
                let asked = short_resource(named(spawn, &spawn.grant));
                let asked = self.gate.unbound(&spawn.grant, &capability, asked);
                (asked.clone(), asked)
            }
            Some(program) => self.described(program, spawn)?,
        };
        let want = Want {
            op: spawn.op,
            scope: spawn.scope,
            grant: spawn.grant.clone(),
            capability,
            operation: "spawn",
            resource,
            covers,
        };
        Ok((want, program.is_some()))
    }

    /// The program in the words of a grant, and what a lasting answer covers.
    fn described(&self, program: &Program<'_>, spawn: &Spawn) -> Result<(String, String), Why> {
        let described = command_line(&program.argv, &spawn.env, spawn.command.is_some());
        described.map_err(|why| self.not_started(spawn, why))
    }

    /// Why a program is not even asked for, or not started any more.
    fn not_started(&self, spawn: &Spawn, why: Why) -> Why {
        let Why::Denied(reason) = why else { return why };
        self.denied("start", &named(spawn, "the granted program"), &spawn.grant, &reason)
    }

    fn room_for_process(&self) -> Result<(), Why> {
        self.goes_on()?;
        let max = self.runtime.limits.processes;
        if self.common.processes.count() + self.accesses.spawns() >= max as usize {
            return Err(Why::Limit(format!("{max} processes run already, or wait to be started")));
        }
        Ok(())
    }

    /// The program behind the grant; none if nothing that fits is bound to it.
    fn program(&self, capability: &Capability, spawn: &Spawn) -> Option<Result<Program<'_>, Why>> {
        let program = match self.gate.bound(&spawn.grant, capability)? {
            Bound::Process(process) => self.granted_program(process, spawn),
            Bound::Terminal(terminal) => self.chosen_program(terminal, spawn),
            Bound::Files(_) | Bound::Http(_) => return None,
        };
        Some(program.map_err(|why| self.not_started(spawn, why)))
    }

    fn granted_program<'r>(&self, process: &'r BoundProcess, spawn: &Spawn) -> Result<Program<'r>, Why> {
        if spawn.command.is_some() || !spawn.env.is_empty() {
            let text = "a program or variables of the adapter's choice need a `terminal` grant";
            return Err(Why::Denied(text.to_owned()));
        }
        let folder = self.process_folder(&process.cwd, spawn.scope);
        let hint = format!(
            "hint: install it, or name another `command` in `[registrations.{}.grants.{}]`",
            self.spec.registration.name, spawn.grant
        );
        Ok(Program {
            argv: argv(process.argv.iter().chain(&spawn.args))?,
            setting: &process.setting,
            cwd: folder_below(&folder, spawn.cwd.as_deref())?,
            hint,
        })
    }

    fn chosen_program<'r>(&self, terminal: &'r BoundTerminal, spawn: &Spawn) -> Result<Program<'r>, Why> {
        let Some(command) = &spawn.command else {
            return Err(Why::Failed("under a `terminal` grant the adapter names the program".to_owned()));
        };
        environment::check(&spawn.env)?;
        let folder = self.granted_folder(&terminal.folder, spawn.scope, &spawn.grant)?;
        let cwd = folder_below(&folder, spawn.cwd.as_deref())?;
        let command = absolute(command, &cwd)?;
        Ok(Program {
            argv: argv(std::iter::once(&command).chain(&spawn.args))?,
            setting: &terminal.setting,
            cwd,
            hint: "hint: the runtime chose it; it must be on the PATH of the daemon".to_owned(),
        })
    }

    /// Starts a process that was allowed.
    pub(super) fn start_process(&self, spawn: &Spawn, stdin: Stdin, permit: &Permit) -> Result<(), Why> {
        let launch = self.launch(spawn, permit)?;
        let inbox = Arc::clone(&self.common.inbox);
        let (supervisor, tokio) = (&self.runtime.supervisor, &self.runtime.tokio);
        self.common.processes.add(spawn.op, || Process::start(launch, stdin, supervisor, inbox, tokio));
        Ok(())
    }

    fn launch(&self, spawn: &Spawn, permit: &Permit) -> Result<Launch, Why> {
        // The folder is looked up again: a link may have changed since it was asked for, and with it the program.
        let program = self
            .program(permit.capability(), spawn)
            .unwrap_or_else(|| Err(Why::Other("there is nothing behind that grant".to_owned())))?;
        let (resource, _covers) = self.described(&program, spawn)?;
        permit.check_resource(resource).map_err(|denial| Why::Denied(denial.to_string()))?;
        let Program { argv, setting, cwd, hint } = program;
        let secrets = secret::of_setting(setting).map_err(Why::Failed)?;
        Ok(Launch {
            op: spawn.op,
            argv,
            env: environment(setting, &secrets, &spawn.env, std::env::vars_os()),
            cwd,
            framing: spawn.stdout,
            limits: setting.limits.clone(),
            confine: setting.confine.clone(),
            chosen: spawn.command.is_some(),
            hidden: secret::of_registration(&self.spec.registration),
            hint,
        })
    }
}

/// What an adapter wants started, in its own words: its command, or what stands for the one of the registration.
fn named(spawn: &Spawn, granted: &str) -> String {
    let Some(command) = &spawn.command else { return granted.to_owned() };
    std::iter::once(command).chain(&spawn.args).map(String::as_str).collect::<Vec<_>>().join(" ")
}

fn argv<'a>(words: impl Iterator<Item = &'a String>) -> Result<Vec<String>, Why> {
    let argv: Vec<String> = words.cloned().collect();
    if argv.first().is_none_or(String::is_empty) || argv.iter().any(|word| word.contains('\0')) {
        return Err(Why::Failed("the command is empty or has a zero byte in it".to_owned()));
    }
    Ok(argv)
}
