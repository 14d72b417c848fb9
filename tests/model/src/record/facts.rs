//! What an input wants to know, as `omi_kernel::wants` says it.

use omi_kernel::artifact::{ArtifactRow, ArtifactSummary};
use omi_kernel::delegation::{Budget, Delegation, RESULT_ARTIFACTS_MAX};
use omi_kernel::descriptor::{Fidelity, Recovery};
use omi_kernel::facts::{Descendant, Facts, RunUsage, Unfinished, WaitingParent};
use omi_kernel::grant::GrantSource;
use omi_kernel::id::{AdapterId, ArtifactId, AttemptId, NativeSessionId, OwnerId, RunId, SessionId};
use omi_kernel::request::SessionRef;
use omi_kernel::row::{Attempt, Binding, BindingStatus, OpenRequest, Session};
use omi_kernel::status::Status;
use omi_kernel::usage::Usage;
use omi_kernel::wants::Wants;

use super::{Open, Record};
use crate::row::{ArtifactFull, AttemptRow, GrantRow, RunRow};

impl Record {
    /// What an input wants to know.
    pub fn facts(&self, wants: &Wants) -> Facts {
        match wants {
            Wants::Request { owner, session, client, request, key } => {
                let run = self.of_request.get(&(client.clone(), request.clone()));
                let run = run.and_then(|id| self.runs.get(id)).map(|row| row.run.clone());
                let session = match &run {
                    Some(run) => self.session(&run.session),
                    None => self.resolve(owner, session),
                };
                let keyed = key.as_ref().and_then(|key| self.keyed(owner, session.as_ref(), key));
                Facts { session, run, keyed, ..Facts::default() }
            }
            Wants::Run(id) => self.runs.get(id).map(|row| self.around(row)).unwrap_or_default(),
            Wants::Begin { run, held } => {
                let Some(row) = self.runs.get(run) else { return Facts::default() };
                self.told_at_begin(row, held, self.around(row))
            }
            Wants::Tree(id) => {
                let Some(row) = self.runs.get(id) else { return Facts::default() };
                Facts { descendants: self.descendants(id), ..self.around(row) }
            }
            Wants::Retry(id, checkpoint) => {
                let Some(row) = self.runs.get(id) else { return Facts::default() };
                let artifact = checkpoint.as_ref().and_then(|id| self.artifact(id));
                let of_run = |row: &GrantRow| row.grant.run.as_ref() == Some(id);
                let legacy = |row: &GrantRow| row.grant.source == GrantSource::LegacyDefault && of_run(row);
                let legacy_granted = self.grants.rows().iter().any(legacy);
                Facts { artifact, legacy_granted, left_to: self.left_to(id), ..self.around(row) }
            }
            Wants::Attempt { attempt, opened } => {
                let known = self.attempts.get(attempt);
                let run = known.and_then(|known| self.runs.get(&known.attempt.run));
                let (Some(known), Some(run)) = (known, run) else { return Facts::default() };
                let mut facts = self.about(run, Some(known));
                if let Some((binding, native_id)) = opened {
                    facts.named = self.bindings.get(binding).map(|row| row.binding.clone());
                    facts.native_conflict = self.named_so(&run.run.adapter, native_id);
                }
                if self.worked_for.contains_key(&run.run.id) {
                    facts.budgets = self.budgets(&run.run.id);
                }
                facts
            }
            Wants::Delegation { parent, session, client, request } => {
                let Some(row) = self.runs.get(parent) else { return Facts::default() };
                let mut facts = self.around(row);
                facts.depth = u32::try_from(self.above(parent).count() - 1).unwrap_or(u32::MAX);
                facts.budgets = self.budgets(parent);
                facts.waiting_parents = self.waiting_parents();
                let led_to = |id: &&SessionId| self.has_delegated(&row.run.session, id);
                facts.child_session = session.as_ref().filter(led_to).and_then(|id| self.session(id));
                if let Some(session) = &facts.child_session {
                    let bindings = self.active().filter(|binding| binding.session == session.id);
                    facts.bindings = bindings.cloned().collect();
                }
                let same = self.of_request.get(&(client.clone(), request.clone()));
                if let Some(same) = same.and_then(|id| self.runs.get(id)) {
                    facts.keyed = self.session(&same.run.session).map(|session| (same.run.clone(), session));
                    facts.delegation = self.works_for(&same.run.id).map(|row| row.delegation.clone());
                }
                facts
            }
            Wants::Session { owner, session } => {
                let Some(session) = self.resolve(owner, session) else { return Facts::default() };
                let bindings = self.active().filter(|binding| binding.session == session.id);
                Facts {
                    bindings: bindings.cloned().collect(),
                    session_busy: self.live().any(|row| row.run.session == session.id),
                    session: Some(session),
                    ..Facts::default()
                }
            }
            Wants::Artifact(id) => {
                let artifact = self.artifact(id);
                let session = artifact.as_ref().and_then(|artifact| self.session(&artifact.session));
                Facts { artifact, session, ..Facts::default() }
            }
            Wants::Access { attempt, session, registration, component } => {
                let around = match attempt {
                    Some(attempt) => self.facts(&Wants::Attempt { attempt: attempt.clone(), opened: None }),
                    None => {
                        let session = session.as_ref().and_then(|id| self.session(id));
                        Facts { session, ..Facts::default() }
                    }
                };
                let works_for = around.run.as_ref().map(|run| run.session.clone());
                let session = session.clone().or(works_for);
                Facts {
                    grants: self.grants_of(session.as_ref(), registration),
                    component_grants: self.component_grants_of(component, registration),
                    ..around
                }
            }
            Wants::Grant(id) => {
                let grant = self.grant(id);
                let session = grant.as_ref().and_then(|grant| grant.session.as_ref());
                Facts { session: session.and_then(|id| self.session(id)), grant, ..Facts::default() }
            }
            Wants::Component(path) => {
                let component = self.components.get(path).map(|row| row.component.clone());
                let of_it = self.component_grants.iter().map(|row| &row.grant);
                let component_grants = of_it.filter(|grant| grant.to.component == *path).cloned().collect();
                Facts { component, component_grants, ..Facts::default() }
            }
            Wants::Worker(worker) => {
                let held = self.active().filter(|binding| binding.worker.as_ref() == Some(worker));
                Facts { bindings: held.cloned().collect(), ..Facts::default() }
            }
            Wants::Unfinished => self.unfinished(),
            Wants::Nothing => Facts::default(),
        }
    }

    fn session(&self, id: &SessionId) -> Option<Session> {
        self.sessions.get(id).map(|row| row.session.clone())
    }

    /// The id itself, else the surface's name, else the old client's name.
    fn resolve(&self, owner: &OwnerId, wanted: &SessionRef) -> Option<Session> {
        let own = || self.sessions.rows().iter().filter(|row| row.session.owner == *owner);
        let row = match wanted {
            SessionRef { id: Some(id), .. } => {
                self.sessions.get(id).filter(|row| row.session.owner == *owner)
            }
            SessionRef { external, legacy, .. } => {
                let external = external.as_ref().and_then(|_| own().find(|row| row.external == *external));
                external.or_else(|| legacy.as_ref().and_then(|_| own().find(|row| row.legacy == *legacy)))
            }
        };
        row.map(|row| row.session.clone())
    }

    /// The newest run of the owner with a key: of the session that is meant or, if none is found, of any.
    fn keyed(
        &self,
        owner: &OwnerId,
        meant: Option<&Session>,
        key: &str,
    ) -> Option<(omi_kernel::row::Run, Session)> {
        let has_key = |row: &&RunRow| row.key.as_deref() == Some(key);
        let mut found = self.runs.rows().iter().rev().filter(has_key).filter_map(|row| {
            let session = self.session(&row.run.session).filter(|session| session.owner == *owner)?;
            let fits = meant.is_none_or(|meant| session.id == meant.id);
            fits.then(|| (row.run.clone(), session))
        });
        found.next()
    }

    fn left_to(&self, run: &RunId) -> Option<AdapterId> {
        let goes_on = |attempt: &&Attempt| {
            attempt.run == *run
                && attempt.recovery == Recovery::Runtime
                && attempt.binding.is_some()
                && !attempt.cancel_acknowledged
        };
        let attempts = self.attempts.rows().iter().map(|row| &row.attempt);
        attempts.filter(goes_on).max_by_key(|attempt| attempt.number).map(|attempt| attempt.adapter.clone())
    }

    fn around(&self, row: &RunRow) -> Facts {
        self.about(row, self.last_attempt(&row.run.id))
    }

    fn about(&self, row: &RunRow, attempt: Option<&AttemptRow>) -> Facts {
        let run = &row.run;
        let mine = self.bindings_of.get(&(run.session.clone(), run.adapter.clone()));
        let mine =
            || mine.into_iter().flatten().filter_map(|id| self.bindings.get(id)).map(|row| &row.binding);
        let delegation =
            self.works_for(&run.id).filter(|row| row.is_live()).map(|row| row.delegation.clone());
        let legacy = run.input.legacy_adapter_session_id.as_ref();
        Facts {
            session: self.session(&run.session),
            attempt: attempt.map(|row| row.attempt.clone()),
            binding: mine().find(|binding| binding.status == BindingStatus::Active).cloned(),
            generation: mine().map(|binding| binding.generation).max().unwrap_or(0),
            native_conflict: legacy.and_then(|native_id| self.named_so(&run.adapter, native_id)),
            open_requests: attempt.map(|row| self.open_requests(&row.attempt)).unwrap_or_default(),
            awaits_child: self.awaits_child(&run.id),
            artifacts: delegation.as_ref().map(|_| self.summaries(&run.id)).unwrap_or_default(),
            open_questions: delegation.as_ref().map(|_| self.open_questions(&run.id)).unwrap_or_default(),
            usage: run.parent.as_ref().and(attempt).map(|row| self.usage(row)).unwrap_or_default(),
            delegation,
            run: Some(run.clone()),
            ..Facts::default()
        }
    }

    /// Only what lives can be answered.
    fn open_requests(&self, attempt: &Attempt) -> Vec<OpenRequest> {
        let open = self.open.get(&attempt.id).filter(|_| !attempt.status.is_terminal());
        let request = |(&(request, kind), open): (&(u32, _), &Open)| OpenRequest {
            request,
            kind,
            options: open.options.clone(),
            access: open.access.clone(),
        };
        open.into_iter().flatten().map(request).collect()
    }

    fn open_questions(&self, run: &RunId) -> Vec<String> {
        let asked = self.questions.get(run).into_iter().flatten();
        asked.filter(|question| question.told != Some(true)).map(|question| question.prompt.clone()).collect()
    }

    fn has_delegated(&self, parent: &SessionId, child: &SessionId) -> bool {
        let mut all = self.delegations.rows().iter().map(|row| &row.delegation);
        all.any(|delegation| delegation.parent_session == *parent && delegation.child_session == *child)
    }

    fn usage(&self, attempt: &AttemptRow) -> RunUsage {
        let before = self.attempts_of(&attempt.attempt.run);
        let before = before.filter(|row| row.attempt.number < attempt.attempt.number).map(|row| row.usage);
        RunUsage { before: before.fold(Usage::default(), Usage::plus), attempt: attempt.usage }
    }

    /// The newest, the last one last.
    fn summaries(&self, run: &RunId) -> Vec<ArtifactSummary> {
        let made: Vec<&ArtifactId> = self.artifacts_of.get(run).into_iter().flatten().collect();
        let newest = &made[made.len().saturating_sub(RESULT_ARTIFACTS_MAX)..];
        newest.iter().filter_map(|id| self.artifacts.get(id)).map(summary).collect()
    }

    fn artifact(&self, id: &ArtifactId) -> Option<ArtifactRow> {
        self.artifacts.get(id).map(|row| ArtifactRow {
            id: row.new.id.clone(),
            session: row.new.session.clone(),
            run: Some(row.new.run.clone()),
            attempt: Some(row.new.attempt.clone()),
            role: row.new.role,
            state: row.state,
        })
    }

    /// The active bindings, the oldest first.
    pub fn active(&self) -> impl Iterator<Item = &Binding> {
        let rows = self.bindings.rows().iter().map(|row| &row.binding);
        rows.filter(|binding| binding.status == BindingStatus::Active)
    }

    /// The binding, not closed, that has a native id.
    fn named_so(&self, adapter: &AdapterId, native_id: &NativeSessionId) -> Option<Binding> {
        let has = |binding: &&Binding| {
            binding.adapter == *adapter
                && binding.native_id.as_ref() == Some(native_id)
                && binding.status != BindingStatus::Closed
        };
        self.bindings.rows().iter().map(|row| &row.binding).find(has).cloned()
    }

    /// A run and those above it, itself first.
    pub fn above(&self, run: &RunId) -> impl Iterator<Item = &RunRow> {
        let parent = |row: &&RunRow| row.run.parent.as_ref().and_then(|id| self.runs.get(id));
        std::iter::successors(self.runs.get(run), parent)
    }

    fn budgets(&self, run: &RunId) -> Vec<Budget> {
        let of = |row: &RunRow| self.works_for(&row.run.id).map(|row| self.budget(&row.delegation));
        self.above(run).filter_map(of).collect()
    }

    fn budget(&self, delegation: &Delegation) -> Budget {
        Budget {
            delegation: delegation.id.clone(),
            limit_usd: delegation.budget_usd,
            spent_usd: self.cost(&delegation.child_run),
        }
    }

    /// What a run and everything below it has cost.
    pub fn cost(&self, run: &RunId) -> f64 {
        let own = self.runs.get(run).and_then(|row| row.usage.cost_usd).unwrap_or(0.0);
        own + self.children(run).map(|child| self.cost(child)).sum::<f64>()
    }

    /// The runs that hold a worker and wait for the result of another one.
    fn waiting_parents(&self) -> Vec<WaitingParent> {
        let waits = self.live().filter(|row| self.awaits_child(&row.run.id));
        let mut parents: Vec<_> = waits
            .filter_map(|row| {
                let attempt = self.live_attempt(&row.run.id)?;
                let parent = WaitingParent { adapter: row.run.adapter.clone(), worker: attempt.worker };
                Some((self.runs.place(&row.run.id), parent))
            })
            .collect();
        parents.sort_by_key(|(place, _)| *place);
        parents.into_iter().map(|(_, parent)| parent).collect()
    }

    fn live_attempt(&self, run: &RunId) -> Option<Attempt> {
        self.last_attempt(run).map(|row| row.attempt.clone()).filter(|attempt| !attempt.status.is_terminal())
    }

    fn live_delegation(&self, run: &RunId) -> Option<Delegation> {
        self.works_for(run).filter(|row| row.is_live()).map(|row| row.delegation.clone())
    }

    fn descendants(&self, run: &RunId) -> Vec<Descendant> {
        let mut found = Vec::new();
        let mut level: Vec<&RunId> = self.children(run).collect();
        while !level.is_empty() {
            let rows = level.iter().filter_map(|id| self.runs.get(id));
            for row in rows.filter(|row| !row.run.status.is_terminal()) {
                let attempt = self.live_attempt(&row.run.id);
                found.push(Descendant {
                    open_requests: attempt.as_ref().map(|it| self.open_requests(it)).unwrap_or_default(),
                    attempt,
                    delegation: self.live_delegation(&row.run.id),
                    run: row.run.clone(),
                });
            }
            level = level.iter().flat_map(|id| self.children(id)).collect();
            level.sort_by_key(|id| self.runs.place(id));
        }
        found
    }

    fn unfinished(&self) -> Facts {
        let mut runs: Vec<&RunRow> = self.live().collect();
        runs.sort_by_key(|row| self.runs.place(&row.run.id));
        let unfinished = runs.into_iter().map(|row| Unfinished {
            run: row.run.clone(),
            attempt: self.live_attempt(&row.run.id),
            delegation: self.live_delegation(&row.run.id),
        });
        let lost = self.active().filter(|binding| binding.fidelity == Fidelity::None);
        Facts {
            unfinished: unfinished.collect(),
            lost_bindings: lost.cloned().collect(),
            leases: self.leases(),
            ..Facts::default()
        }
    }

    /// The processes of the workers that are still named, each once.
    fn leases(&self) -> Vec<omi_kernel::report::Lease> {
        let mut leases = Vec::new();
        for row in self.attempts.rows().iter().filter(|row| row.attempt.worker.is_some()) {
            leases.extend(row.lease.clone().filter(|lease| !leases.contains(lease)));
        }
        leases
    }

    /// Whether another run of the session has a worker: the scheduler would not give a second one.
    pub fn is_busy(&self, session: &SessionId, but: &RunId) -> bool {
        let busy = |row: &RunRow| {
            row.run.id != *but && row.run.session == *session && row.run.status != Status::Queued
        };
        self.live().any(busy)
    }

    /// The attempt of a run that is not over.
    pub fn executing(&self, run: &RunId) -> Option<AttemptId> {
        self.live_attempt(run).map(|attempt| attempt.id)
    }
}

fn summary(row: &ArtifactFull) -> ArtifactSummary {
    ArtifactSummary {
        artifact_id: row.new.id.clone(),
        kind: row.new.kind.clone(),
        role: row.new.role,
        uri: row.new.uri.clone(),
        display_name: row.new.name.clone(),
        content_hash: row.new.content_hash.clone(),
    }
}
