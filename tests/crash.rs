//! The daemon is killed at any moment, again and again on one record: what it said holds, what ran is orphaned
//! exactly once, what waited is run, and nothing it started lives on.
//!
//! ```text
//!  start ─▶ what ran is orphaned? ─▶ what was said is said again? ─▶ load ─▶ SIGKILL ─▶ no process? ─▶ record kept?
//!    ▲                  (or SIGKILL while it starts)                                                       │
//!    └──────────────────────────────── the next round, on the same record ◀───────────────────────────────┘
//! ```
//!
//! `OMI_TEST_SEED` gives the same plan again; the moments in it are those of the machine.

mod chance;
mod daemon;
mod ledger;
mod load;
mod record;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use omi_tests::world::{PATIENCE, World, eventually};
use serde_json::Value;

use chance::Chance;
use daemon::{Daemon, processes};
use ledger::Ledger;
use load::{Asked, Key};
use record::{Record, Runs, is_terminal, text};

/// Rounds of the normal suite, and of the long one.
const ROUNDS: (u32, u32) = (10, 100);
/// One round of so many is killed while the daemon starts.
const EARLY_EVERY: u32 = 4;
/// Milliseconds after which one is killed that starts, at most: about twice what a start takes.
const EARLY_MS: u32 = 160;
/// Messages after which one is killed that has started, at most.
const MESSAGES: u32 = 200;
/// Milliseconds after which one is killed that has started, at most: less than the grace of a cancellation.
const LIFE_MS: u32 = 900;
/// One message of so many has its run stopped.
const STOPPED_EVERY: u32 = 16;
/// How long a message is waited for before more is asked.
const PAUSE: Duration = Duration::from_millis(10);
/// Requests that are repeated after each start.
const REPEATED_A_ROUND: usize = 4;
/// Requests that are repeated at once in the end: few enough that a slow machine answers them in time.
const REPEATED: usize = 64;

#[test]
fn a_daemon_that_is_killed_at_any_moment_keeps_its_word() {
    let seed = number("OMI_TEST_SEED").unwrap_or_else(seed_of_now);
    println!("the same plan again: OMI_TEST_SEED={seed}");
    let rounds = if number("OMI_TEST_LONG").is_some_and(|long| long > 0) { ROUNDS.1 } else { ROUNDS.0 };
    let mut trial = Trial::new(seed);
    for round in 0..rounds {
        trial.round(round);
    }
    trial.finish();
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{variable}={text}: {error}")))
}

fn seed_of_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::from(since.subsec_nanos())
}

/// One record, and what was asked and said about it.
struct Trial {
    world: World,
    seed: u64,
    chance: Chance,
    asked: Vec<Asked>,
    ledger: Ledger,
    /// The record as the last daemon left it.
    left: Record,
    /// Rounds in which agents ran when the daemon was killed.
    with_agents: usize,
    /// Runs that waited when a daemon was killed.
    waited: usize,
}

impl Trial {
    fn new(seed: u64) -> Self {
        let world = World::new();
        world.configure(&load::configuration(&world));
        Self {
            world,
            seed,
            chance: Chance::new(seed),
            asked: Vec::new(),
            ledger: Ledger::default(),
            left: Record::default(),
            with_agents: 0,
            waited: 0,
        }
    }

    fn round(&mut self, round: u32) {
        // How much chance decided in the last round depends on the machine: the plan of this one does not.
        self.chance = Chance::new(self.seed.rotate_left(16) ^ u64::from(round));
        let plan = load::plan(&mut self.chance, round, &mut self.asked);
        let early = round % EARLY_EVERY == EARLY_EVERY - 1;
        let (messages, milliseconds) = if early {
            (u32::MAX, self.chance.below(EARLY_MS))
        } else {
            (self.chance.below(MESSAGES), self.chance.below(LIFE_MS))
        };
        let mut daemon = Daemon::start(&self.world);
        if !early {
            self.restarted(&mut daemon);
        }
        if round == 0 {
            self.works(&mut daemon);
        }
        let heard = self.load(&mut daemon, plan, messages, Duration::from_millis(milliseconds.into()));
        let agents = processes(&self.world).len().saturating_sub(1);
        let last_words = daemon.kill();
        println!(
            "round {round}: {}killed after {heard} + {} messages and at most {milliseconds} ms, with {agents} processes",
            if early { "early, " } else { "" },
            last_words.len()
        );
        for message in last_words {
            self.ledger.hear(&message);
        }
        self.with_agents += usize::from(agents > 0);
        eventually("nothing that the killed daemon started lives", || processes(&self.world).is_empty());
        self.left(early);
        self.waited += self.left.with_status(|status| status == "queued");
    }

    /// In the first round agents work, and one is being cancelled, whatever chance brings.
    fn works(&mut self, daemon: &mut Daemon) {
        let first = load::first();
        for asked in first {
            daemon.send(&asked.query);
            self.hears(daemon, &asked.key, "text_delta");
            self.asked.push(asked);
        }
        if let Some(deaf) = self.asked.last() {
            daemon.send(&load::interrupt(&deaf.key));
            let key = deaf.key.clone();
            self.hears(daemon, &key, "cancel_ack");
        }
    }

    /// Hears the daemon out until it says something of a request.
    fn hears(&mut self, daemon: &Daemon, request: &Key, kind: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let message = daemon.next(deadline.saturating_duration_since(Instant::now()));
            let Some(message) = message else { panic!("no `{kind}` of {request:?}") };
            if self.ledger.hear(&message).as_ref() == Some(request) && message["type"] == kind {
                return;
            }
        }
    }

    /// Asks what is planned, a little with each message that is heard, until it is time.
    fn load(&mut self, daemon: &mut Daemon, plan: Vec<Value>, messages: u32, within: Duration) -> u32 {
        let mut plan = plan.into_iter();
        let deadline = Instant::now() + within;
        let mut heard = 0;
        while heard < messages {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            for line in plan.by_ref().take(self.chance.below(4) as usize) {
                daemon.send(&line);
            }
            if let Some(message) = daemon.next(left.min(PAUSE)) {
                let key = self.ledger.hear(&message);
                heard += 1;
                // What has just been heard of runs: stopping it is something else than stopping what waits.
                if let Some(key) = key.filter(|_| self.chance.below(STOPPED_EVERY) == 0) {
                    daemon.send(&load::interrupt(&key));
                }
            }
        }
        heard
    }

    /// A daemon has started on what another one left.
    fn restarted(&mut self, daemon: &mut Daemon) {
        let init = daemon.next(PATIENCE).expect("it says that it has started");
        assert_eq!(init["type"], "init");
        let runs = record::runs(&self.world);
        self.left.is_reconciled_in(&runs, false);
        let over = |asked: &&Asked| {
            self.ledger.runs.get(&asked.key).and_then(|run| runs.get(run)).is_some_and(is_terminal)
        };
        let over: Vec<&Asked> = self.asked.iter().filter(over).collect();
        let again: Vec<&Asked> =
            (0..REPEATED_A_ROUND).filter_map(|_| self.chance.pick(&over).copied()).collect();
        repeat(&mut self.ledger, daemon, &again);
    }

    /// The last daemon has gone: what it left is looked into.
    fn left(&mut self, early: bool) {
        let record = Record::read(&self.world);
        record.agrees_with_itself();
        self.left.is_continued_by(&record);
        self.left.is_reconciled_in(&record.runs, early);
        self.ledger.is_kept_in(&record, &self.asked);
        self.left = record;
    }

    /// The last daemon is not killed: it completes everything, and still answers for every request.
    fn finish(mut self) {
        let mut daemon = Daemon::start(&self.world);
        self.restarted(&mut daemon);
        let (over, waiting) = recorded(&self.asked, &self.left.runs);
        // All that waits at once: what is endless among it holds up the rest until it is interrupted.
        for again in std::iter::once(&waiting[..]).chain(over.chunks(REPEATED)) {
            repeat(&mut self.ledger, &mut daemon, again);
        }
        // A request that crossed the end on its way is told so; what is not over then is found below.
        for message in daemon.stop().iter().filter(|message| message["code"] != "ending") {
            self.ledger.hear(message);
        }
        eventually("nothing that the daemon started lives", || processes(&self.world).is_empty());
        self.left(false);
        let unfinished: Vec<&Value> = self.left.runs.values().filter(|run| !is_terminal(run)).collect();
        assert!(unfinished.is_empty(), "the last daemon had time: {unfinished:?}");
        self.was_worth_it();
    }

    /// What was to be shown did happen.
    fn was_worth_it(&self) {
        let of = |status: &str| self.left.with_status(|other| other == status);
        let (cancelled, events) = (of("cancelled"), self.left.events.len());
        println!(
            "{events} events, {cancelled} runs cancelled, {} times one waited for the next daemon",
            self.waited
        );
        let counts = [
            ("runs that succeeded", of("succeeded")),
            ("runs that were orphaned", of("orphaned")),
            ("rounds with agents when the daemon was killed", self.with_agents),
            ("requests that were acknowledged", self.ledger.runs.len()),
        ];
        println!("{counts:?}");
        for (what, count) in counts {
            assert!(count > 0, "there were no {what}");
        }
    }
}

/// What was asked and is recorded, acknowledged or not: what is over, and what is not.
fn recorded<'a>(asked: &'a [Asked], runs: &Runs) -> (Vec<&'a Asked>, Vec<&'a Asked>) {
    let prompts: BTreeMap<&str, bool> =
        runs.values().map(|run| (record::prompt(run), is_terminal(run))).collect();
    let over = |asked: &Asked| prompts.get(text(&asked.query["prompt"])).copied();
    let asked = asked.iter().filter(|asked| over(asked).is_some());
    asked.partition(|asked| over(asked) == Some(true))
}

/// Asks again, stops what would go on, and waits for every result. What is said must be what was said before.
fn repeat(ledger: &mut Ledger, daemon: &mut Daemon, again: &[&Asked]) {
    for asked in again {
        daemon.send(&asked.query);
        if asked.endless {
            daemon.send(&load::interrupt(&asked.key));
        }
    }
    let mut waiting: BTreeSet<&Key> = again.iter().map(|asked| &asked.key).collect();
    let deadline = Instant::now() + PATIENCE;
    while !waiting.is_empty() {
        let message = daemon.next(deadline.saturating_duration_since(Instant::now()));
        let Some(message) = message else { panic!("no result of {waiting:?}") };
        let key = ledger.hear(&message);
        if let Some(key) = key.filter(|_| message["type"] == "result") {
            waiting.remove(&key);
        }
    }
}
