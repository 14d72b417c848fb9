//! The agent card: who the agent is, where and how it is spoken to, and what it wants before it answers.

use omi_adapter_sdk::AuthMethod;
use serde_json::Value;

use crate::REMOTE;
use crate::json::{list, quote, text};

/// The binding that this adapter speaks, as cards name it.
const JSON_RPC: &str = "JSONRPC";

/// The header that most schemes use.
const AUTHORIZATION: &str = "authorization";

/// Which version of the protocol an agent is spoken to in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// 1.x.
    V1,
    /// 0.3, and what came shortly before it.
    V03,
}

/// What is known about an agent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Agent {
    /// Its name and version.
    pub(crate) title: String,
    /// Path and query of its JSON-RPC.
    pub(crate) path: String,
    pub(crate) dialect: Dialect,
    /// It answers with a stream of events.
    pub(crate) streaming: bool,
    /// The tenant that requests are to name.
    pub(crate) tenant: Option<String>,
    /// What the registration has to give.
    pub(crate) schemes: Vec<AuthMethod>,
}

/// A card that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CardError {
    #[error("the agent card is not a card: {0}; hint: `cardPath` in `[config]` says where it is")]
    NotACard(String),
    #[error("the agent `{agent}` speaks {offers} and not JSON-RPC")]
    NoJsonRpc { agent: String, offers: String },
    #[error(
        "the agent `{agent}` speaks A2A {versions}, this adapter 1.x and 0.3; hint: another version of omi-agentd"
    )]
    Version { agent: String, versions: String },
    #[error(
        "the agent `{agent}` is spoken to at `{there}`, and the grant is for `{granted}`; hint: register `grants.remote` \
         with `origin = \"{there}\"`, or set `rpcPath` in `[config]` if that is the same agent"
    )]
    OtherOrigin { agent: String, there: String, granted: String },
}

/// One way to speak to the agent.
struct Interface<'a> {
    url: &'a str,
    binding: &'a str,
    version: &'a str,
    tenant: Option<&'a str>,
}

/// Read a card. `granted` is the origin of the grant, if the host says it; `path` is what the registration says.
pub(crate) fn read(card: &Value, granted: Option<&str>, path: Option<&str>) -> Result<Agent, CardError> {
    let offers = interfaces(card);
    let Some(name) = text(card, "name").filter(|_| !offers.is_empty()) else {
        return Err(CardError::NotACard(quote(&card.to_string())));
    };
    let agent = || quote(name);
    let spoken: Vec<&Interface> =
        offers.iter().filter(|offer| offer.binding.eq_ignore_ascii_case(JSON_RPC)).collect();
    if spoken.is_empty() {
        let offers = offers.iter().map(|offer| offer.binding).collect::<Vec<_>>().join(", ");
        return Err(CardError::NoJsonRpc { agent: agent(), offers: quote(&offers) });
    }
    let known = |wanted| spoken.iter().filter(move |offer| dialect(offer.version) == Some(wanted));
    let known: Vec<&&Interface> = known(Dialect::V1).chain(known(Dialect::V03)).collect();
    let Some(first) = known.first() else {
        let versions = spoken.iter().map(|offer| offer.version).collect::<Vec<_>>().join(", ");
        return Err(CardError::Version { agent: agent(), versions: quote(&versions) });
    };
    let is_granted = |offer: &&&&Interface| {
        granted.is_none() || place(offer.url).0.as_deref().is_none_or(|there| Some(there) == granted)
    };
    let chosen = match (path, known.iter().find(is_granted)) {
        (Some(_), _) => first,
        (None, Some(offer)) => offer,
        (None, None) => {
            let there = quote(&place(first.url).0.unwrap_or_default());
            let granted = granted.unwrap_or_default().to_owned();
            return Err(CardError::OtherOrigin { agent: agent(), there, granted });
        }
    };
    Ok(Agent {
        title: quote(
            &[Some(name), text(card, "version")].into_iter().flatten().collect::<Vec<_>>().join(" "),
        ),
        path: path.map_or_else(|| place(chosen.url).1, str::to_owned),
        dialect: dialect(chosen.version).unwrap_or(Dialect::V1),
        streaming: card["capabilities"]["streaming"] == true,
        tenant: chosen.tenant.map(str::to_owned),
        schemes: schemes(card),
    })
}

/// What both versions of a card offer. A 0.3 card names one interface itself, and others beside it.
fn interfaces(card: &Value) -> Vec<Interface<'_>> {
    let version = text(card, "protocolVersion").unwrap_or("0.3");
    let of_card = text(card, "url").map(|url| Interface {
        url,
        binding: text(card, "preferredTransport").unwrap_or(JSON_RPC),
        version,
        tenant: None,
    });
    let supported = list(card, "supportedInterfaces").iter().filter_map(|offer| {
        Some(Interface {
            url: text(offer, "url")?,
            binding: text(offer, "protocolBinding").unwrap_or(JSON_RPC),
            version: text(offer, "protocolVersion").unwrap_or("1.0"),
            tenant: text(offer, "tenant"),
        })
    });
    let additional = list(card, "additionalInterfaces").iter().filter_map(|offer| {
        Some(Interface {
            url: text(offer, "url")?,
            binding: text(offer, "transport")?,
            version,
            tenant: None,
        })
    });
    supported.chain(of_card).chain(additional).collect()
}

fn dialect(version: &str) -> Option<Dialect> {
    let mut numbers = version.trim_start_matches('v').split('.');
    match (numbers.next(), numbers.next()) {
        (Some("1"), _) => Some(Dialect::V1),
        (Some("0"), Some("2" | "3")) => Some(Dialect::V03),
        _ => None,
    }
}

/// Origin, in the form in which the host compares them, and path with query of a URL. One that is only a path has no
/// origin.
fn place(url: &str) -> (Option<String>, String) {
    let url = url.split('#').next().unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("://") else {
        return (None, format!("/{}", url.trim_start_matches('/')));
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (scheme, authority) = (scheme.to_ascii_lowercase(), authority.to_ascii_lowercase());
    let default = if scheme == "https" { ":443" } else { ":80" };
    let authority = authority.strip_suffix(default).unwrap_or(&authority);
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    (Some(format!("{scheme}://{authority}")), path)
}

/// Every scheme that the card names, with the line of configuration that gives it.
fn schemes(card: &Value) -> Vec<AuthMethod> {
    let Some(schemes) = card.get("securitySchemes").and_then(Value::as_object) else { return Vec::new() };
    schemes.iter().map(|(id, scheme)| method(id, scheme)).collect()
}

/// The way to log in where the card names none.
pub(crate) fn unnamed_scheme() -> AuthMethod {
    method("secret", &Value::Null)
}

fn method(id: &str, scheme: &Value) -> AuthMethod {
    // Version 1.0 has the kind as the name of a member, 0.3 as `type`.
    let of_v1 = ["apiKeySecurityScheme", "httpAuthSecurityScheme"].iter().find_map(|kind| scheme.get(kind));
    let api_key = scheme.get("apiKeySecurityScheme").is_some() || scheme["type"] == "apiKey";
    let mutual = scheme.get("mtlsSecurityScheme").is_some() || scheme["type"] == "mutualTLS";
    let inner = of_v1.unwrap_or(scheme);
    let place = text(inner, "location").or_else(|| text(inner, "in")).unwrap_or("header");
    let description = match (api_key, mutual) {
        (_, true) => "it wants a certificate of the client, which this daemon cannot give".to_owned(),
        (true, _) if place != "header" => {
            format!("it wants a key in the {}, which this daemon cannot give", quote(place))
        }
        (true, _) => line(&quote(text(inner, "name").unwrap_or("x-api-key")), ""),
        (false, false) if text(inner, "scheme").is_some_and(|word| word.eq_ignore_ascii_case("basic")) => {
            line(AUTHORIZATION, "Basic ")
        }
        (false, false) => line(AUTHORIZATION, "Bearer "),
    };
    AuthMethod {
        id: quote(id),
        kind: "secret_header".to_owned(),
        name: quote(text(inner, "description").unwrap_or(id)),
        description,
        extra: String::new(),
    }
}

fn line(header: &str, prefix: &str) -> String {
    let prefix = if prefix.is_empty() { String::new() } else { format!(", prefix = \"{prefix}\"") };
    format!(
        "give the registration `grants.{REMOTE}.secrets = {{ \"{header}\" = {{ file = \"…\"{prefix} }} }}`"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ORIGIN: Option<&str> = Some("https://agents.example");

    fn v1(url: &str) -> Value {
        json!({"name": "Planner", "version": "2.1", "capabilities": {"streaming": true},
            "supportedInterfaces": [
                {"url": "https://agents.example/grpc", "protocolBinding": "GRPC", "protocolVersion": "1.0"},
                {"url": url, "protocolBinding": "JSONRPC", "protocolVersion": "1.0", "tenant": "t"}]})
    }

    #[test]
    fn a_card_of_each_version_is_read() {
        let agent = read(&v1("HTTPS://Agents.Example:443/a2a?x=1#top"), ORIGIN, None).expect("it is a card");
        assert_eq!((agent.title.as_str(), agent.path.as_str()), ("Planner 2.1", "/a2a?x=1"));
        assert_eq!((agent.dialect, agent.streaming, agent.tenant.as_deref()), (Dialect::V1, true, Some("t")));
        let old = json!({"name": "Old", "url": "https://agents.example", "protocolVersion": "0.3.0"});
        let agent = read(&old, ORIGIN, None).expect("it is a card");
        assert_eq!((agent.path.as_str(), agent.dialect, agent.streaming), ("/", Dialect::V03, false));
    }

    #[test]
    fn the_newest_interface_at_the_granted_origin_is_chosen() {
        let mut card = v1("https://elsewhere.example/");
        card["url"] = "https://agents.example/old".into();
        let agent = read(&card, ORIGIN, None).expect("one is at the origin");
        assert_eq!((agent.path.as_str(), agent.dialect), ("/old", Dialect::V03));
        card["supportedInterfaces"][0] = json!({"url": "/new", "protocolVersion": "1.0"});
        assert_eq!(read(&card, ORIGIN, None).expect("a path is at the origin").path, "/new");
    }

    #[test]
    fn what_cannot_be_used_says_what_to_do() {
        let said = |card: &Value| read(card, ORIGIN, None).expect_err("it cannot be used").to_string();
        let other = said(&v1("https://elsewhere.example:8443/a2a"));
        assert!(
            other.contains("origin = \"https://elsewhere.example:8443\"") && !other.contains('\n'),
            "{other}"
        );
        assert!(said(&json!({"error": "no"})).contains("`cardPath`"));
        let mut card = v1("https://agents.example/");
        card["supportedInterfaces"][1]["protocolVersion"] = "2.0".into();
        assert!(said(&card).contains("speaks A2A 2.0"));
        card["supportedInterfaces"][1]["protocolBinding"] = "HTTP+JSON".into();
        assert!(said(&card).contains("GRPC, HTTP+JSON and not JSON-RPC"));
        let behind =
            read(&v1("http://10.0.0.1/a2a"), ORIGIN, Some("/planner")).expect("the registration knows");
        assert_eq!(behind.path, "/planner");
    }

    #[test]
    fn each_scheme_says_what_the_registration_has_to_give() {
        let mut card = v1("https://agents.example/");
        card["securitySchemes"] = json!({
            "a": {"apiKeySecurityScheme": {"location": "header", "name": "x-key"}},
            "b": {"type": "http", "scheme": "bearer", "description": "A token"},
            "c": {"type": "apiKey", "in": "query", "name": "k"},
            "d": {"mtlsSecurityScheme": {}},
        });
        let schemes = read(&card, ORIGIN, None).expect("it is a card").schemes;
        let said: Vec<&str> = schemes.iter().map(|scheme| scheme.description.as_str()).collect();
        assert!(said[0].contains(r#""x-key" = { file = "…" }"#), "{said:?}");
        assert!(said[1].contains(r#"prefix = "Bearer ""#) && schemes[1].name == "A token", "{said:?}");
        assert!(said[2].contains("query") && said[3].contains("certificate"), "{said:?}");
    }
}
