//! Lists come in pages: nothing is left out and nothing comes twice, whatever is recorded meanwhile.

use omi_kernel::decision::Reply;
use omi_kernel::id::{ArtifactId, DelegationId, GrantId, RunId, SessionId, Timestamp};
use omi_kernel::input::Input;
use omi_kernel::request::{Accept, CreateSession};
use omi_kernel::status::Status;
use omi_store::{ArtifactFilter, DelegationFilter, GrantFilter, RunFilter, SessionFilter};

use crate::bench::*;

/// Everything that pages of two have, with `meanwhile` done after each.
fn paged(
    bench: &mut Bench,
    page: impl Fn(&Bench, Option<&String>) -> Vec<String>,
    mut meanwhile: impl FnMut(&mut Bench),
) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    loop {
        let ids = page(bench, seen.last());
        assert!(ids.len() <= 2, "{ids:?}");
        if ids.is_empty() {
            return seen;
        }
        seen.extend(ids);
        meanwhile(bench);
    }
}

#[test]
fn runs_recorded_meanwhile_move_no_page() {
    let mut bench = Bench::new();
    let session = bench.accept(asks("r0")).session;
    for number in 1..5 {
        bench.accept(asks_in(&session, &format!("r{number}")));
    }
    for of in [None, Some(session.clone())] {
        let all =
            |oldest_first| RunFilter { session: of.clone(), oldest_first, limit: 99, ..RunFilter::default() };
        let ids = |bench: &Bench, filter: &RunFilter| -> Vec<String> {
            bench.reader().runs(filter).unwrap().into_iter().map(|run| run.run_id).collect()
        };
        let page = |bench: &Bench, after: Option<&String>| {
            let after = after.map(|id| RunId::parse(id).unwrap());
            ids(bench, &RunFilter { after, limit: 2, ..all(false) })
        };
        let before = ids(&bench, &all(false));
        let mut new = bench.now().0;
        let seen = paged(&mut bench, page, |bench| {
            new += 1;
            bench.accept(asks_in(&session, &format!("m{new}{}", of.is_some())));
        });
        assert_eq!(seen, before);
        let oldest_first = |bench: &Bench, after: Option<&String>| {
            let after = after.map(|id| RunId::parse(id).unwrap());
            ids(bench, &RunFilter { after, limit: 2, ..all(true) })
        };
        let forwards = paged(&mut bench, oldest_first, |_| ());
        assert_eq!(forwards.iter().rev().cloned().collect::<Vec<_>>(), ids(&bench, &all(false)));
    }
}

#[test]
fn runs_are_of_a_status_and_a_page_has_only_so_many_bytes() {
    let mut bench = Bench::new();
    let queued = bench.accept(asks("r1"));
    let (ended, begun) = bench.running("r2");
    bench.take(finished(&begun.attempt, well(), &"long ".repeat(100), None));
    let ids = |filter: RunFilter| -> Vec<String> {
        let runs = bench.reader().runs(&RunFilter { limit: 9, ..filter }).unwrap();
        runs.into_iter().map(|run| run.run_id).collect()
    };
    let of = |status| ids(RunFilter { status: Some(status), ..RunFilter::default() });
    assert_eq!(
        (of(Status::Queued), of(Status::Succeeded)),
        (vec![queued.run.to_string()], vec![ended.run.to_string()])
    );
    let within = |bytes| ids(RunFilter { bytes_max: Some(bytes), ..RunFilter::default() }).len();
    assert_eq!((within(0), within(400), within(10_000)), (1, 1, 2), "the first one comes whatever its size");
}

#[test]
fn artifacts_and_delegations_recorded_meanwhile_move_no_page() {
    let mut bench = Bench::new();
    let (parent, begun) = bench.running("r1");
    for number in 0..5 {
        bench.take(makes(&begun.attempt, "result", &format!("file:///{number}")));
        bench.delegate(calls(&parent.run, &format!("c{number}")));
    }
    let artifacts = |bench: &Bench, after: Option<&String>| -> Vec<String> {
        let after = after.map(|id| ArtifactId::parse(id).unwrap());
        let filter =
            ArtifactFilter { run: Some(parent.run.clone()), after, limit: 2, ..ArtifactFilter::default() };
        bench.reader().artifacts(&filter).unwrap().into_iter().map(|it| it.artifact_id).collect()
    };
    let mut made = bench.column("SELECT artifact_id FROM artifacts ORDER BY rowid DESC");
    let seen = paged(&mut bench, artifacts, |bench| {
        bench.take(makes(&begun.attempt, "log", "file:///new"));
    });
    assert_eq!(seen, made);
    made = bench.column("SELECT delegation_id FROM delegations ORDER BY rowid");
    let delegations = |bench: &Bench, after: Option<&String>| -> Vec<String> {
        let after = after.map(|id| DelegationId::parse(id).unwrap());
        let filter =
            DelegationFilter { owner: Some("ann".into()), after, limit: 2, ..DelegationFilter::default() };
        bench.reader().delegation_page(&filter).unwrap().into_iter().map(|it| it.delegation_id).collect()
    };
    assert_eq!(paged(&mut bench, delegations, |_| ()), made);
    let one = DelegationFilter {
        delegation: Some(DelegationId::parse(&made[2]).unwrap()),
        limit: 9,
        ..DelegationFilter::default()
    };
    assert_eq!(bench.reader().delegation_page(&one).unwrap()[0].delegation_id, made[2]);
    let bob = DelegationFilter { owner: Some("bob".into()), ..one };
    assert_eq!(bench.reader().delegation_page(&bob).unwrap(), []);
}

#[test]
fn grants_of_sessions_and_of_components_are_on_one_page_each() {
    let mut bench = Bench::new();
    for request in ["r1", "r2", "r3"] {
        bench.accept(Accept { legacy: vec!["echo".into()], ..asks(request) });
    }
    let at = bench.now().0;
    let declared = serde_json::to_string(&declares_workspace()).unwrap();
    // Some at the same time as those of sessions, some before.
    for (id, at) in [("1", at), ("2", at), ("3", at - 1), ("4", at - 9)] {
        let sql = "INSERT INTO component_grants VALUES (?1, 'c', 'd', 'echo', ?3, '*', '*', ?2, NULL)";
        bench.beside().execute(sql, (format!("grant_{}", id.repeat(32)), at, &declared)).unwrap();
    }
    let list = |bench: &Bench, after: Option<&String>, limit| -> Vec<String> {
        let after = after.map(|id| GrantId::parse(id).unwrap());
        let filter = GrantFilter { after, limit, ..GrantFilter::default() };
        bench.reader().grants(&filter).unwrap().into_iter().map(|it| it.grant_id).collect()
    };
    let all = list(&bench, None, 99);
    assert_eq!(all.len(), 7);
    assert_eq!(paged(&mut bench, |bench, after| list(bench, after, 2), |_| ()), all);
}

#[test]
fn a_session_that_is_there_before_anything_is_asked_is_found_by_its_name_and_listed_by_its_surface() {
    let mut bench = Bench::new();
    let create = |owner: &str| {
        Input::CreateSession(Box::new(CreateSession {
            owner: owner.into(),
            external: Some(("task".to_owned(), "7".to_owned())),
            surface: "http".to_owned(),
            title: Some("Typos".to_owned()),
            adapter: "echo".into(),
            cwd: Some("/a".to_owned()),
            profile: None,
        }))
    };
    let Reply::Session { session, repeated: false } = bench.take(create("ann")).reply else { panic!() };
    let before = bench.dump();
    assert_eq!(bench.take(create("ann")).reply, Reply::Session { session: session.clone(), repeated: true });
    assert_eq!(bench.dump(), before);
    let Reply::Session { session: other, repeated: false } = bench.take(create("bob")).reply else {
        panic!()
    };
    assert_ne!(other, session, "each owner has names of their own");
    let view = bench.reader().session(Some(&"ann".into()), &session).unwrap().unwrap();
    assert_eq!(
        (view.title.as_deref(), view.run_count, view.default_cwd.as_deref()),
        (Some("Typos"), 0, Some("/a"))
    );
    bench.accept(asks_in(&session, "r1"));
    let of = |surface: &str| -> Vec<SessionId> {
        let filter =
            SessionFilter { surface: Some(surface.to_owned()), limit: 9, ..SessionFilter::default() };
        let sessions = bench.reader().sessions(&filter).unwrap();
        sessions.into_iter().map(|it| SessionId::parse(&it.session_id).unwrap()).collect()
    };
    assert_eq!((of("http"), of("cli")), (vec![session, other], vec![]));
    assert!(view.created_at_ms < Timestamp(bench.now().0));
}
