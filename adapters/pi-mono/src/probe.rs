//! Which pi this is: `--version`, before anything is begun with it.
//!
//! pi does not say its version over RPC, and how a session is begun depends on it. Old versions print it to standard
//! error where standard output is no terminal.

use omi_adapter_sdk::lines::Lines;
use omi_adapter_sdk::{ChunkEnd, Exit, Exited, Failure, Kill, Op, Output, Outputs, Ready, Spawn, log};

use crate::version::{Features, Version};
use crate::worker::{AGENT, Worker};
use omi_adapter_sdk::wording::quote;

/// Bytes of a line that is looked at: a version is short.
const LINE_BYTES_MAX: usize = 4096;

/// The probe, while it runs.
pub(crate) struct Probe {
    pub(crate) process: Op,
    pub(crate) timer: Op,
    lines: Lines,
}

impl Worker {
    /// Ask pi for its version.
    pub(crate) fn start_probe(&mut self, out: &mut Outputs) {
        let process = self.ops.next();
        let mut spawn = Spawn::lines(process, AGENT);
        spawn.args = vec!["--version".to_owned()];
        out.push(spawn);
        let timer = self.ops.timer(self.config.start_timeout_ms, out);
        self.probe = Some(Probe { process, timer, lines: Lines::new(LINE_BYTES_MAX) });
    }

    /// It wrote something.
    pub(crate) fn probe_wrote(&mut self, data: &[u8], end: ChunkEnd, out: &mut Outputs) {
        let Some(probe) = &mut self.probe else { return };
        let lines = probe.lines.push(data, end);
        if let Some(version) = lines.into_iter().flatten().find_map(|line| Version::find(&line)) {
            // It exits by itself; nobody waits for that.
            out.push(Kill::new(probe.process, self.config.start_timeout_ms / 3));
            self.probed(Some(version), out);
        }
    }

    /// It ended without a version on its standard output.
    pub(crate) fn probe_exited(&mut self, exited: &Exited, out: &mut Outputs) {
        match Version::find(&exited.stderr_tail) {
            version if exited.exit == Exit::Code(0) => self.probed(version, out),
            _ => {
                let stderr = quote(&exited.stderr_tail);
                let message = format!(
                    "`pi --version` ended with {}: {stderr}\n\
                     hint: run it by hand; pi 0.75 and later need Node 22.19 or later",
                    exited.exit
                );
                self.probe = None;
                self.fail(Failure::fatal("version_failed", message), out);
            }
        }
    }

    /// It takes too long.
    pub(crate) fn probe_expired(&mut self, out: &mut Outputs) {
        let message = format!(
            "`pi --version` did not end within {} ms\nhint: run it by hand",
            self.config.start_timeout_ms
        );
        self.fail(Failure::retryable("version_timeout", message), out);
    }

    fn probed(&mut self, version: Option<Version>, out: &mut Outputs) {
        if let Some(probe) = self.probe.take() {
            out.push(Output::ClearTimer(probe.timer));
        }
        self.features = Features::of(version);
        out.push(Ready::new(match version {
            Some(version) => format!("pi {version}"),
            None => {
                log::warn("`pi --version` says no version");
                let text = "pi does not say its version, so it is treated as the oldest: \
                            its session ends with its process";
                self.note = Some(text.to_owned());
                String::new()
            }
        }));
    }
}
