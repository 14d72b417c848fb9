//! Artifacts with their bytes.

use omi_engine::{Limits, Registration};
use omi_kernel::report::{Activity, Artifact, Report};
use serde_json::json;

use crate::support::{Probe, limits};

/// The hash of `hi there`, as `sha256sum` says it.
const HASH: &str = "9b96a1fe1d548cbbc960cc6a0286668fd74a763667b06366fb2324269fcabaa4";
/// Breaches of the contract after which a worker is ended.
const VIOLATIONS: usize = 1_000;

fn artifact(probe: &Probe) -> Artifact {
    match probe.next() {
        Report::Activity { activity: Activity::Artifact(artifact), .. } => artifact,
        other => panic!("no artifact: {other:?}"),
    }
}

pub(crate) fn an_artifact_brings_its_bytes() {
    let probe = Probe::start("person_probe");
    probe.execute("name-text hi there\nname-extra {\"pages\":2}\nblob 70000");
    let expected = Artifact {
        kind: "file".into(),
        role: "result".into(),
        uri: "out.txt".into(),
        name: None,
        mime_type: Some("text/plain".into()),
        content: Some(b"hi there".to_vec()),
        content_hash: Some(HASH.into()),
        size_bytes: Some(8),
        metadata: json!({}),
    };
    assert_eq!(artifact(&probe), expected);
    let metadata = json!({"pages": 2});
    let nowhere = Artifact { content: None, content_hash: None, size_bytes: None, metadata, ..expected };
    assert_eq!(artifact(&probe), nowhere);
    let large = artifact(&probe);
    assert_eq!((large.content, large.size_bytes), (Some(vec![b'b'; 70_000]), Some(70_000)));
}

pub(crate) fn what_is_wrong_with_an_artifact_is_left_out_and_counted() {
    let probe = Probe::start("person_probe");
    let binding = probe.open();
    probe.prompt_text(&binding, "name-lost");
    let lost = artifact(&probe);
    assert_eq!((lost.content, lost.content_hash, lost.size_bytes), (None, None, None));
    probe.prompt_text(&binding, &"name-extra [1]\n".repeat(VIOLATIONS));
    for _ in 1..VIOLATIONS {
        assert_eq!(artifact(&probe).metadata, json!({}));
    }
    assert_eq!(probe.failure().code, "adapter_contract");
}

pub(crate) fn one_blob_is_not_copied_without_end() {
    let registration = Registration { name: "test".into(), ..Registration::default() };
    let probe = Probe::with("person_probe", registration, Limits { blob_bytes: 2500, ..limits() });
    let binding = probe.open();
    probe.prompt_text(&binding, "blob 1000");
    let first = artifact(&probe);
    probe.prompt_text(&binding, "name-again\nname-again\nname-again");
    let whole = |artifact: &Artifact| artifact.content.is_some();
    let named = [artifact(&probe), artifact(&probe), artifact(&probe)];
    assert_eq!(named.each_ref().map(whole), [true, true, false]);
    assert!(
        named.iter().all(|again| again.content_hash == first.content_hash && again.size_bytes == Some(1000))
    );
    probe.prompt_text(&binding, "name-again");
    assert!(whole(&artifact(&probe)), "another call");
}
