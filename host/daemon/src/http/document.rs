//! The document that describes what is served (OpenAPI 3.1): what all operations have in common is said here once.

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, ResponseBuilder, Schema};
use utoipa::{Modify, OpenApi as _};

use super::idempotency::HEADER;
use super::problem::Problem;

/// What the document says about all of it.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "omi-agentd", description = "Durable sessions and runs over any agent runtime. Whatever cannot be done is \
        a problem document (RFC 9457) with a stable `code`. What belongs to another owner is as if it were not there."),
    components(schemas(Problem)),
    security(("key" = [])),
    modifiers(&WithKey)
)]
struct Common;

/// The key that every request needs.
struct WithKey;

impl Modify for WithKey {
    fn modify(&self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_default();
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        scheme.description =
            Some("The key in the file that `endpoint.json` in the state folder names.".to_owned());
        components.add_security_scheme("key", SecurityScheme::Http(scheme));
    }
}

/// The one operation that needs no key.
const HEALTH: &str = "getHealth";

/// What the document begins with.
pub(super) fn common() -> OpenApi {
    Common::openapi()
}

/// The problems that any operation may have.
const ANY: [(&str, &str); 6] = [
    ("400", "What was asked cannot be read"),
    ("401", "It needs the API key"),
    ("403", "Nobody may ask under this `Host` or from this `Origin`"),
    ("404", "There is no such thing, or it belongs to somebody else"),
    ("500", "A mistake of the daemon"),
    ("503", "It cannot be done at the moment: ask again"),
];
/// The problems of what changes something.
const CHANGES: [(&str, &str); 3] = [
    ("409", "What is recorded is against it"),
    ("422", "What is asked for is not possible"),
    ("429", "There is too much of it at the moment"),
];
/// The problems of what carries a body.
const BODY: [(&str, &str); 3] = [
    ("408", "The body did not arrive in time"),
    ("413", "The body is too large"),
    ("415", "The body has another media type"),
];

/// Says of every operation which problems it may have, and of each that makes something that it takes a key.
pub(super) fn complete(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        operations(item).flat_map(|operation| operation.parameters.iter_mut().flatten()).for_each(describe);
        let reading = [&mut item.get].into_iter().filter_map(Option::as_mut);
        for operation in reading.filter(|operation| operation.operation_id.as_deref() != Some(HEALTH)) {
            problems(operation, &ANY);
        }
        let changing = [&mut item.patch, &mut item.delete, &mut item.put];
        changing.into_iter().filter_map(Option::as_mut).for_each(changes);
        if let Some(post) = &mut item.post {
            changes(post);
            takes_key(post);
            // What is compared is read whole.
            problems(post, &BODY);
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let all = [&mut item.get, &mut item.post, &mut item.patch, &mut item.delete, &mut item.put];
    all.into_iter().filter_map(Option::as_mut)
}

/// A parameter whose kind is described elsewhere is described as that.
fn describe(parameter: &mut RefOr<Parameter>) {
    let RefOr::T(parameter) = parameter else { return };
    if let (None, Some(RefOr::T(Schema::Object(kind)))) = (&parameter.description, &parameter.schema) {
        parameter.description.clone_from(&kind.description);
    }
}

fn changes(operation: &mut Operation) {
    problems(operation, &ANY);
    problems(operation, &CHANGES);
    if operation.request_body.is_some() {
        problems(operation, &BODY);
    }
}

fn problems(operation: &mut Operation, problems: &[(&str, &str)]) {
    for (status, why) in problems {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        let mut response =
            ResponseBuilder::new().description(*why).content("application/problem+json", content);
        if *status == "401" {
            let header = HeaderBuilder::new().description(Some("How the key is sent.")).build();
            response = response.header("www-authenticate", header);
        }
        operation.responses.responses.entry((*status).to_owned()).or_insert_with(|| response.build().into());
    }
}

fn takes_key(operation: &mut Operation) {
    let text = ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .min_length(Some(1))
        .max_length(Some(512));
    let key = ParameterBuilder::new()
        .name(HEADER)
        .parameter_in(ParameterIn::Header)
        .description(Some(
            "A key for this request: asked again with the same body it is done once and answered as it was, for a day, \
             and not over a restart. With another body it is `key_conflict`.",
        ))
        .schema(Some(text))
        .build();
    operation.parameters.get_or_insert_default().push(key.into());
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use serde_json::Value;

    use super::super::routes;

    /// Writes the file instead of comparing it.
    const WRITE: &str = "OMI_WRITE_DOCS";

    #[test]
    fn the_file_describes_what_is_served() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
        let mut document = serde_json::to_value(routes::document()).unwrap();
        // Whether a build keeps the order of fields depends on what else is built.
        document.sort_all_objects();
        let text = format!("{}\n", serde_json::to_string_pretty(&document).unwrap());
        if std::env::var_os(WRITE).is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let hint = format!(
            "docs/openapi.json is not what is served; hint: {WRITE}=1 cargo test -p omi-agentd the_file_describes"
        );
        assert!(std::fs::read_to_string(&path).is_ok_and(|written| written == text), "{hint}");
    }

    #[test]
    fn every_operation_says_what_it_is_for_and_which_problems_it_may_have() {
        let document = serde_json::to_value(routes::document()).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        let (mut count, mut ids) = (0, BTreeSet::new());
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                count += 1;
                let what = format!("{method} {path}");
                assert!(operation["summary"].as_str().is_some_and(|text| text.ends_with('.')), "{what}");
                assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{what}");
                let responses = &operation["responses"];
                if path == "/healthz" {
                    continue;
                }
                let mut expected = vec!["400", "401", "403", "404", "500", "503"];
                if method != "get" {
                    expected.extend(["409", "422", "429"]);
                }
                if method == "post" || operation["requestBody"].is_object() {
                    expected.extend(["408", "413", "415"]);
                }
                for status in expected {
                    let problem = &responses[status]["content"]["application/problem+json"]["schema"]["$ref"];
                    assert_eq!(problem, "#/components/schemas/Problem", "{what} {status}");
                }
                let keys = operation["parameters"].as_array().into_iter().flatten();
                let takes_key = keys.filter(|parameter| parameter["name"] == super::HEADER).count();
                assert_eq!(takes_key, usize::from(method == "post"), "{what}");
                for parameter in operation["parameters"].as_array().into_iter().flatten() {
                    assert!(parameter["description"].is_string(), "{what}: {parameter}");
                }
            }
        }
        assert!(count > 30, "{count}");
        let problem: &Value = &document["components"]["schemas"]["Problem"];
        assert!(problem["properties"]["code"].is_object());
    }
}
