//! Starts workers, away from the loop: loading a component takes seconds the first time.

use std::path::PathBuf;
use std::sync::Arc;

use omi_engine::{ReportSink, Worker, WorkerSpec};
use omi_kernel::descriptor::{Descriptor, Fidelity, Recovery};
use omi_kernel::id::{AdapterId, WorkerId};
use omi_kernel::pool::Runs;
use omi_kernel::report::{Activity, FailureDetail, Report};
use tokio::sync::mpsc;

use super::{Message, random};
use crate::artifacts::Artifacts;
use crate::components::Components;
use crate::config::Config;
use crate::recording::Recordings;

/// A worker that was started.
pub(crate) struct Started {
    pub(super) worker: Worker,
    pub(super) runs: Runs,
    pub(super) protocol: String,
    pub(super) resume: Fidelity,
    pub(super) recovery: Recovery,
    pub(super) bindings_max: usize,
}

impl std::fmt::Debug for Started {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Started").field("runs", &self.runs).finish_non_exhaustive()
    }
}

/// What it takes to start workers.
#[derive(Clone)]
pub(super) struct Starter {
    pub(super) config: Arc<Config>,
    pub(super) cwd: PathBuf,
    pub(super) artifacts: Artifacts,
    /// Where what workers are told and ask for is written down, if it is.
    pub(super) recordings: Option<Recordings>,
    pub(super) messages: mpsc::Sender<Message>,
    pub(super) tokio: tokio::runtime::Handle,
    pub(super) components: Components,
}

impl Starter {
    /// Starts a worker; what comes of it is announced by [`Message::Started`].
    pub(super) fn start(&self, adapter: AdapterId, worker: WorkerId) {
        let starter = self.clone();
        self.tokio.spawn_blocking(move || {
            let started = starter.start_now(&adapter, &worker);
            // A driver that is gone needs no worker.
            let _ = starter.messages.blocking_send(Message::Started { worker, started });
        });
    }

    fn start_now(&self, adapter: &AdapterId, worker: &WorkerId) -> Result<Started, FailureDetail> {
        let name = adapter.as_str();
        let registration = self
            .config
            .registration(name)
            .map_err(|error| FailureDetail::new("adapter_not_registered", error.to_string()))?;
        let (adapter, component) = self.components.load(&registration.component)?;
        let bound = registration
            .bind(name, component.clone())
            .map_err(|error| FailureDetail::new("worker_not_started", error.to_string()))?;
        let runs = Runs { component: component.clone(), digest: adapter.digest().to_owned() };
        let seed = u32::try_from(random() & u128::from(u32::MAX)).unwrap_or_default();
        let recordings = self.recordings.as_ref();
        let calls = recordings.map(|recordings| recordings.of_worker(&adapter, &component, seed)).transpose();
        let calls = calls.map_err(|error| FailureDetail::new("worker_not_started", format!("{error:#}")))?;
        let spec = WorkerSpec {
            id: worker.clone(),
            registration: Arc::new(bound),
            cwd: self.cwd.clone(),
            seed,
            calls,
        };
        let started = self.components.engine()?.start_worker(&adapter, spec, self.sink(worker.clone()));
        let worker = started.map_err(|error| FailureDetail::new("worker_not_started", error.to_string()))?;
        let Descriptor { capabilities, protocol, .. } = adapter.descriptor();
        Ok(Started {
            worker,
            runs,
            // Its name without its version: `acp` of `acp/1`.
            protocol: protocol.split('/').next().unwrap_or_default().to_owned(),
            resume: capabilities.resume,
            recovery: capabilities.recovery,
            bindings_max: usize::try_from(capabilities.bindings_per_worker.max(1)).unwrap_or(1),
        })
    }

    /// Where a worker reports, on its own thread. So only this worker waits while an artifact of it is written, and
    /// what it reports stays in order.
    fn sink(&self, worker: WorkerId) -> ReportSink {
        let (messages, artifacts) = (self.messages.clone(), self.artifacts.clone());
        Box::new(move |mut report| {
            if let Report::Activity { activity: Activity::Artifact(artifact), .. } = &mut report {
                artifacts.keep(artifact);
            }
            // A driver that is gone hears nothing.
            let _ = messages.blocking_send(Message::Report { worker: worker.clone(), report });
        })
    }
}
