//! What the projection makes of the events of whole worlds is what their rows say.

use std::collections::BTreeMap;

use omi_kernel::id::OwnerId;
use omi_kernel::projection::Projection;
use omi_kernel::status::Status;
use omi_model::script::Seed;
use omi_model::sim::{Entry, Setting, Sim};

/// Worlds: each has about as many runs as steps of a script that ask for something.
const WORLDS: u64 = 16;
/// Steps of each.
const STEPS: usize = 400;
/// Steps between two looks.
const LOOK: usize = 20;

#[test]
fn what_events_tell_is_what_the_rows_say() {
    let mut scripts = Seed::new(7);
    let mut seen: BTreeMap<Status, u32> = BTreeMap::new();
    for number in 0..WORLDS {
        let mut sim = Sim::new(Setting::new(number));
        sim.journal = Some(Vec::new());
        let script = scripts.script(STEPS);
        for steps in script.chunks(LOOK) {
            for step in steps {
                sim.step(*step).unwrap();
            }
            compare(&sim, &mut seen);
        }
    }
    for status in Status::ALL {
        assert!(seen.contains_key(&status), "no run was ever {status}: {seen:?}");
    }
}

/// Compares what the events of a world tell with its rows.
fn compare(sim: &Sim, seen: &mut BTreeMap<Status, u32>) {
    let told = told(sim);
    for row in sim.record.sessions.rows() {
        let (session, projection) = (&row.session.id, &told[&row.session.owner]);
        if let Some((kind, id)) = &row.external {
            assert_eq!(projection.named(kind, id), Some(session));
        }
        let runs = sim.record.runs.rows().iter().filter(|run| run.run.session == *session);
        let newest = runs.clone().next_back().map(|run| &run.run.id);
        assert_eq!(projection.newest(session).map(|standing| &standing.run_id), newest);
        for row in runs.filter(|row| !row.run.status.is_terminal() || Some(&row.run.id) == newest) {
            let standing = projection.run(&row.run.id).unwrap();
            assert_eq!(standing.status, Some(row.run.status), "{standing:?}");
            *seen.entry(row.run.status).or_default() += 1;
            let live = sim.record.attempts.rows().iter().map(|attempt| &attempt.attempt);
            let live = live.filter(|attempt| attempt.run == row.run.id && !attempt.status.is_terminal());
            assert_eq!(standing.attempt_id.as_ref(), live.map(|attempt| &attempt.id).next(), "{standing:?}");
            if row.run.status.is_terminal() {
                let codes =
                    [&standing.error, &row.error].map(|error| error.as_ref().map(|error| &error.code));
                assert_eq!(codes[0], codes[1], "{standing:?}");
            }
        }
    }
}

/// What the events of each owner tell, in the order in which they were recorded.
fn told(sim: &Sim) -> BTreeMap<OwnerId, Projection> {
    let mut told: BTreeMap<OwnerId, Projection> = BTreeMap::new();
    for entry in sim.journal.iter().flatten() {
        let Entry::Batch { outcomes, .. } = entry else { continue };
        for event in outcomes.iter().flatten().flat_map(|taken| &taken.events) {
            let session = sim.record.sessions.get(&event.session_id).unwrap();
            told.entry(session.session.owner.clone()).or_default().apply(event);
        }
    }
    told
}
