//! Components that people install, and what is granted to them for good.

use omi_kernel::grant::Policy;
use omi_kernel::input::Input;
use omi_kernel::refusal::Refusal;
use omi_kernel::row::HOST_REQUESTS;
use omi_store::{GrantFilter, Rejected};

use crate::bench::*;

const ECHO: &str = "/opt/echo.wasm";

fn removes(path: &str) -> Input {
    Input::RemoveComponent { path: path.into() }
}

#[test]
fn what_is_installed_is_listed_as_it_was_decided_about() {
    let mut bench = Bench::new();
    let reader = bench.reader();
    assert_eq!(reader.components().unwrap(), []);
    bench.take(installs(ECHO, "d1"));
    let installed = bench.now();
    bench.take(installs("/opt/another.wasm", "d9"));
    let paths: Vec<_> = reader.components().unwrap().into_iter().map(|one| one.path).collect();
    assert_eq!(paths, ["/opt/another.wasm", ECHO]);
    let view = reader.component(ECHO).unwrap().unwrap();
    assert_eq!(view, reader.components().unwrap()[1]);
    assert_eq!((view.digest.as_str(), view.installed_at_ms), ("d1", installed));
    assert_eq!(
        (view.name.as_str(), view.adapter_id.as_str(), view.version.as_str()),
        ("echo", "test.echo", "1.2.3")
    );
    assert_eq!((view.grants, view.imports), (vec![declares_workspace()], component(ECHO, "d1").imports));
    assert_eq!(reader.component("/opt/none.wasm").unwrap(), None);
    let json = serde_json::to_value(reader.component(ECHO).unwrap()).unwrap();
    assert_eq!(
        (json["adapterId"].as_str(), json["installedAtMs"].as_i64()),
        (Some("test.echo"), Some(installed.0))
    );
    assert_eq!(json["grants"][0]["capability"], "files");
}

#[test]
fn a_component_is_replaced_by_what_is_installed_at_its_path() {
    let mut bench = Bench::new();
    bench.take(installs(ECHO, "d1"));
    let mut newer = component(ECHO, "d2");
    newer.name = "newer".into();
    newer.version = "2.0.0".into();
    newer.adapter_id = "test.newer".into();
    newer.grants.clear();
    newer.imports.clear();
    bench.take(Input::InstallComponent(Box::new(newer)));
    let views = bench.reader().components().unwrap();
    assert_eq!(views.len(), 1);
    let view = &views[0];
    assert_eq!((view.digest.as_str(), view.name.as_str(), view.version.as_str()), ("d2", "newer", "2.0.0"));
    assert_eq!((view.adapter_id.as_str(), view.grants.len(), view.imports.len()), ("test.newer", 0, 0));
    assert_eq!(view.installed_at_ms, bench.now());
    let reasons: Vec<_> =
        bench.reader().gate_decisions(9).unwrap().into_iter().map(|one| (one.decision, one.reason)).collect();
    assert_eq!(reasons[1], ("installed".to_owned(), "user".to_owned()));
    assert!(reasons[0].1.contains("replaces d1"), "{reasons:?}");
}

#[test]
fn what_is_removed_takes_what_was_granted_to_it_for_good() {
    let mut bench = Bench::new();
    bench.take(installs(ECHO, "d1"));
    let (accepted, begun) = bench.running("r1");
    for (op, component) in [(1, ECHO), (2, "/opt/echo.wasm2")] {
        let mut asked = reads(op, "a.txt", Policy::Ask);
        asked.terms.component = component.into();
        asked.access.operation = format!("read{op}");
        bench.take(wants(Some(&accepted.session), &begun.attempt, asked));
        bench.take(chooses(&begun.attempt, HOST_REQUESTS + op, "always"));
    }
    bench.take(removes(ECHO));
    assert_eq!(bench.reader().component(ECHO).unwrap(), None);
    assert_eq!(bench.column("SELECT component FROM component_grants"), ["/opt/echo.wasm2"]);
    let newest = bench.reader().gate_decisions(1).unwrap().remove(0);
    assert_eq!((newest.kind.as_str(), newest.component.as_str()), ("remove", ECHO));
    assert_eq!((newest.decision.as_str(), newest.digest.as_str(), newest.access), ("removed", "d1", None));
    let all = GrantFilter { limit: 9, ..GrantFilter::default() };
    let left = bench.reader().grants(&all).unwrap();
    assert_eq!(left.len(), 3, "the copies in sessions tell what was done");
    let holds = left.iter().filter(|grant| grant.revoked_at_ms.is_none()).count();
    assert_eq!(holds, 2, "what was granted to the other one, and its copy");
    let refused = bench.send(removes(ECHO));
    assert!(matches!(refused, Err(Rejected::Refused(Refusal::NotFound { .. }))), "{refused:?}");
}
