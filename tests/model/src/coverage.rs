//! What a walk or a simulation led to: a test that never reaches a case says nothing about it.

mod access;

use std::collections::{BTreeMap, BTreeSet};

use omi_kernel::event::EventKind;
use omi_kernel::input::Input;
use omi_kernel::refusal::Refusal;
use omi_kernel::status::Status;

use crate::record::{Record, Taken};

macro_rules! kinds {
    ($($name:ident,)+) => {
        /// Every kind of input. A kind that is missing here does not compile: the `match` below knows no other.
        pub const INPUTS: &[&str] = &[$(stringify!($name),)+];

        /// The kind of an input.
        pub fn kind(input: &Input) -> &'static str {
            match input { $(Input::$name { .. } => stringify!($name),)+ }
        }
    };
}

kinds! {
    Accept, Begin, CannotBegin, BindingOpened, BindingFailed, Chunk, MessageCompleted, Activity,
    ApprovalRequested, ApprovalAnswered, InputRequested, InputProvided, Finished, WorkerLost, TimedOut,
    WorkerOver, Leased, CameLate, AccessAsked, RevokeGrant, InstallComponent, RemoveComponent, Retry, Delegate, CreateSession,
    UpdateSession, InvalidateBindings, UpdateArtifact, Retain,
    Cancel, CancelDispatched, CancelGraceOver, Reconcile,
}

use access::{ACCESSES, MEETINGS};

/// What was seen.
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    /// How often each kind of input was taken and changed something or was answered.
    pub inputs: BTreeMap<&'static str, u64>,
    /// The kinds of events.
    pub events: BTreeSet<EventKind>,
    /// Where runs stood.
    pub statuses: BTreeSet<Status>,
    /// How often each mode of delegation was accepted.
    pub modes: BTreeMap<String, u64>,
    /// How often each refusal was given, by its name.
    pub refusals: BTreeMap<String, u64>,
    /// How often each thing became of an access, as far as it is recorded.
    pub accesses: BTreeMap<&'static str, u64>,
    /// How often each thing was met that only a driver with its workers can meet.
    pub met: BTreeMap<&'static str, u64>,
    /// How many inputs were decided.
    pub decided: u64,
}

impl Coverage {
    /// An input came to this.
    pub fn note(&mut self, input: &Input, taken: &Result<Taken, Refusal>, record: &Record) {
        self.decided += 1;
        match taken {
            Ok(taken) => {
                let late = taken.reply == omi_kernel::decision::Reply::Late && kind(input) != "CameLate";
                if !late {
                    *self.inputs.entry(kind(input)).or_default() += 1;
                }
                self.note_accesses(input, taken, record);
                for event in &taken.events {
                    self.events.insert(event.kind);
                    if event.kind == EventKind::DelegationCreated {
                        let mode = event.payload["mode"].as_str().unwrap_or_default();
                        *self.modes.entry(mode.to_owned()).or_default() += 1;
                    }
                    let run = event.run_id.as_ref().and_then(|run| record.runs.get(run));
                    self.statuses.extend(run.map(|row| row.run.status));
                }
            }
            Err(refusal) => {
                let text = format!("{refusal:?}");
                let name = text.split([' ', '(', '{']).next().unwrap_or_default().to_owned();
                *self.refusals.entry(name).or_default() += 1;
            }
        }
    }

    /// What another one saw, too.
    pub fn add(&mut self, other: &Self) {
        for (kind, count) in &other.inputs {
            *self.inputs.entry(kind).or_default() += count;
        }
        for (name, count) in &other.refusals {
            *self.refusals.entry(name.clone()).or_default() += count;
        }
        for (mode, count) in &other.modes {
            *self.modes.entry(mode.clone()).or_default() += count;
        }
        for (what, count) in &other.accesses {
            *self.accesses.entry(what).or_default() += count;
        }
        for (what, count) in &other.met {
            *self.met.entry(what).or_default() += count;
        }
        self.events.extend(&other.events);
        self.statuses.extend(&other.statuses);
        self.decided += other.decided;
    }

    /// What was never seen, in words; empty if everything was.
    pub fn missing(&self) -> Vec<String> {
        let inputs = INPUTS.iter().filter(|kind| !self.inputs.contains_key(*kind));
        let events = EventKind::ALL.iter().filter(|kind| !self.events.contains(kind));
        let statuses = Status::ALL.iter().filter(|status| !self.statuses.contains(status));
        let inputs = inputs.map(|kind| format!("no {kind} was ever taken"));
        let events = events.map(|kind| format!("no {} was ever recorded", kind.as_str()));
        let statuses = statuses.map(|status| format!("no run was ever {status}"));
        let modes = ["call", "spawn", "continue"].iter().filter(|mode| !self.modes.contains_key(**mode));
        let modes = modes.map(|mode| format!("no run was ever asked for work by `{mode}`"));
        let accesses = ACCESSES.iter().filter(|what| !self.accesses.contains_key(**what));
        let accesses = accesses.map(|what| format!("no access was ever {what}"));
        inputs.chain(events).chain(statuses).chain(modes).chain(accesses).collect()
    }

    /// What only a driver with its workers can meet, and was never met.
    pub fn unmet(&self) -> Vec<String> {
        let unmet = MEETINGS.iter().filter(|what| !self.met.contains_key(**what));
        unmet.map(|what| format!("nothing was ever {what}")).collect()
    }

    /// Something was met that only a driver with its workers can meet.
    pub fn met(&mut self, what: &'static str) {
        debug_assert!(MEETINGS.contains(&what), "`{what}` is not in the list");
        *self.met.entry(what).or_default() += 1;
    }
}
