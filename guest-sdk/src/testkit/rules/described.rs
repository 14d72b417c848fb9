//! What `describe` answers: the same each time, with names that the host takes and reasons that a person can judge.

use std::collections::BTreeSet;

use crate::Descriptor;

pub(in crate::testkit) fn check(first: &Descriptor, second: &Descriptor) {
    assert_eq!(first, second, "`describe` always answers the same");
    let of_an_id = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let id = &first.adapter_id;
    let is_id = !id.is_empty() && id.bytes().all(of_an_id);
    assert!(is_id, "an adapter's id is made of lower case letters, digits and `-`, and `{id}` is not");
    let version = &first.version;
    assert!(is_version(version), "a version is three numbers, as semver has them, and `{version}` is not");
    let capabilities = &first.capabilities;
    let holds = capabilities.bindings_per_worker > 0 && capabilities.attempts_per_worker > 0;
    assert!(holds, "a worker holds at least one binding and one attempt: {capabilities:?}");
    let mut names = BTreeSet::new();
    for grant in &first.grants {
        assert!(names.insert(&grant.name), "two grants are called `{}`", grant.name);
        assert!(!grant.reason.trim().is_empty(), "the grant `{}` gives no reason for a person", grant.name);
    }
    for (name, json) in [("config-schema", &first.config_schema), ("extra", &first.extra)] {
        let is_object = json.trim_start().starts_with('{') && json.trim_end().ends_with('}');
        assert!(json.is_empty() || is_object, "`{name}` is a JSON object or empty: {json}");
    }
}

/// Three numbers, and whatever semver has after `-` or `+`.
fn is_version(version: &str) -> bool {
    let numbers = version.split(['-', '+']).next().unwrap_or_default();
    let parts: Vec<&str> = numbers.split('.').collect();
    parts.len() == 3 && parts.iter().all(|part| part.parse::<u64>().is_ok())
}
