//! No sequence of grants, revocations and expiries allows what no live allow covers, or what a live deny does.

use proptest::prelude::*;

use super::*;

/// What there is to write, and which patterns cover it. Said here a second time, so that `matches` is not judged by
/// itself.
const RESOURCES: [&str; 3] = ["src/a", "src/b/c", "x"];
const PATTERNS: [(&str, [bool; 3]); 6] = [
    ("*", [true, true, true]),
    ("**", [true, true, true]),
    ("src/*", [true, false, false]),
    ("src/**", [true, true, false]),
    ("x", [false, false, true]),
    ("X", [false, false, false]),
];
const RUNS: [u128; 2] = [1, 2];

/// What happens, one after the other.
#[derive(Debug, Clone)]
enum Step {
    Grant {
        allow: bool,
        pattern: usize,
        run: Option<usize>,
        once: Option<u32>,
        lives_ms: Option<i64>,
        policy: bool,
    },
    Revoke {
        which: usize,
    },
    Wait {
        ms: i64,
    },
    Ask {
        resource: usize,
        run: usize,
        op: u32,
        policy: Policy,
    },
}

/// A grant as the test remembers it.
#[derive(Debug)]
struct Known {
    allow: bool,
    pattern: usize,
    run: Option<usize>,
    once: Option<u32>,
    until: Option<i64>,
    revoked: bool,
    policy: bool,
}

impl Known {
    fn covers(&self, resource: usize, run: usize, op: u32) -> bool {
        PATTERNS[self.pattern].1[resource]
            && self.run.is_none_or(|of| of == run)
            && self.once.is_none_or(|only| only == op)
    }

    /// What stands for the policy `allow` holds under that policy only.
    fn is_live(&self, now: i64, policy: Policy) -> bool {
        !self.revoked
            && self.until.is_none_or(|until| now < until)
            && (!self.policy || policy == Policy::Allow)
    }
}

fn step() -> impl Strategy<Value = Step> {
    let policy =
        prop_oneof![Just(Policy::Deny), Just(Policy::Ask), Just(Policy::Allow), Just(Policy::Legacy)];
    let granted = (
        any::<bool>(),
        0..PATTERNS.len(),
        proptest::option::of(0..RUNS.len()),
        proptest::option::weighted(0.2, 0..3_u32),
        proptest::option::of(1..50_i64),
        any::<bool>(),
    );
    prop_oneof![
        3 => granted.prop_map(|(allow, pattern, run, once, lives_ms, policy)| {
            Step::Grant { allow, pattern, run, once, lives_ms, policy }
        }),
        2 => (0..20_usize).prop_map(|which| Step::Revoke { which }),
        1 => (0..30_i64).prop_map(|ms| Step::Wait { ms }),
        4 => (0..RESOURCES.len(), 0..RUNS.len(), 0..3_u32, policy)
            .prop_map(|(resource, run, op, policy)| Step::Ask { resource, run, op, policy }),
    ]
}

fn row(known: &Known, bits: u128) -> Grant {
    Grant {
        run: known.run.map(|run| super::run(RUNS[run])),
        pattern: PATTERNS[known.pattern].0.to_owned(),
        effect: if known.allow { GrantEffect::Allow } else { GrantEffect::Deny },
        source: if known.policy { GrantSource::Policy } else { GrantSource::User },
        only: known.once.map(|op| OnlyOp { worker: id(WorkerId::new, 1), op }),
        expires_at: known.until.map(Timestamp),
        revoked_at: known.revoked.then_some(Timestamp(0)),
        ..grant(bits)
    }
}

fn judge(known: &[Known], resource: usize, run: usize, op: u32, policy: Policy, now: i64) {
    let rows: Vec<Grant> = (0_u128..).zip(known).map(|(bits, known)| row(known, bits)).collect();
    let access = Access { op, ..write(RESOURCES[resource]) };
    let run_id = super::run(RUNS[run]);
    let verdict = authorize(&access, Scope::Run(&run_id), &terms(policy), &rows, Timestamp(now));
    let about = || known.iter().filter(|known| known.covers(resource, run, op));
    let denied = about().any(|known| known.is_live(now, policy) && !known.allow);
    let allowed = about().any(|known| known.is_live(now, policy) && known.allow);
    let taken_back = about().any(|known| known.revoked && known.policy);
    let expected = match policy {
        Policy::Deny => "deny",
        _ if denied => "deny",
        _ if allowed => "allow",
        Policy::Allow if !taken_back => "allow",
        Policy::Ask => "ask",
        Policy::Allow | Policy::Legacy => "deny",
    };
    let got = match &verdict {
        Verdict::Allow(Allowed::Grant(grant)) => {
            let index = rows.iter().position(|row| row.id == grant.id).unwrap();
            assert!(
                known[index].covers(resource, run, op)
                    && known[index].is_live(now, policy)
                    && known[index].allow
            );
            "allow"
        }
        Verdict::Allow(Allowed::Policy) => "allow",
        Verdict::Ask => "ask",
        Verdict::Deny(_) => "deny",
    };
    assert_eq!(got, expected, "{access:?} {policy:?} at {now}: {known:?}");
}

proptest! {
    #[test]
    fn nothing_is_allowed_that_no_live_allow_covers(steps in proptest::collection::vec(step(), 1..40)) {
        let (mut known, mut now) = (Vec::<Known>::new(), 0);
        for step in steps {
            match step {
                Step::Grant { allow, pattern, run, once, lives_ms, policy } => {
                    let until = lives_ms.map(|ms| now + ms);
                    known.push(Known { allow, pattern, run, once, until, revoked: false, policy });
                }
                Step::Revoke { which } => {
                    if let Some(known) = known.get_mut(which) {
                        known.revoked = true;
                    }
                }
                Step::Wait { ms } => now += ms,
                Step::Ask { resource, run, op, policy } => judge(&known, resource, run, op, policy, now),
            }
        }
    }
}
