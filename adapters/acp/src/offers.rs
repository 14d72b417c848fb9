//! What an agent says it can do, read from its answer to `initialize`.

use omi_adapter_sdk::AuthMethod;
use serde_json::Value;

use crate::json::{list, offered, text};

/// The kind of a log-in that a person does in a terminal, with the agent's own program.
const TERMINAL: &str = "terminal";

/// What the agent offers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Offers {
    /// Its name and version.
    pub(crate) runtime: String,
    pub(crate) load: bool,
    pub(crate) resume: bool,
    pub(crate) close: bool,
    pub(crate) list: bool,
    pub(crate) system_prompt: bool,
    pub(crate) image: bool,
    pub(crate) audio: bool,
    pub(crate) embedded: bool,
    pub(crate) mcp_http: bool,
    pub(crate) mcp_sse: bool,
    pub(crate) auth_methods: Vec<AuthMethod>,
}

impl Offers {
    /// From the result of `initialize`.
    pub(crate) fn read(result: &Value) -> Self {
        let can = |path: &[&str]| offered(&result["agentCapabilities"], path);
        let info = &result["agentInfo"];
        let runtime = [text(info, "name"), text(info, "version")];
        Self {
            runtime: runtime.into_iter().flatten().collect::<Vec<_>>().join(" "),
            load: can(&["loadSession"]),
            resume: can(&["sessionCapabilities", "resume"]),
            close: can(&["sessionCapabilities", "close"]),
            list: can(&["sessionCapabilities", "list"]),
            system_prompt: can(&["sessionCapabilities", "systemPrompt"]),
            image: can(&["promptCapabilities", "image"]),
            audio: can(&["promptCapabilities", "audio"]),
            embedded: can(&["promptCapabilities", "embeddedContext"]),
            mcp_http: can(&["mcpCapabilities", "http"]),
            mcp_sse: can(&["mcpCapabilities", "sse"]),
            auth_methods: auth_methods(result),
        }
    }

    /// Whether a person logs in this way in a terminal, beside the agent.
    pub(crate) fn is_terminal_login(&self, id: &str) -> bool {
        self.auth_methods.iter().any(|method| method.id == id && method.kind == TERMINAL)
    }

    /// The ways to log in: those that came with the error, else those of `initialize`.
    pub(crate) fn auth_methods_for(&self, error_data: &Value) -> Vec<AuthMethod> {
        let named = auth_methods(error_data);
        if named.is_empty() { self.auth_methods.clone() } else { named }
    }
}

fn auth_methods(value: &Value) -> Vec<AuthMethod> {
    list(value, "authMethods")
        .iter()
        .filter_map(|method| {
            let id = text(method, "id")?;
            let terminal = method.pointer("/_meta/terminal-auth").filter(|terminal| terminal.is_object());
            let kind = match text(method, "type") {
                Some(kind) => kind,
                None if terminal.is_some() => TERMINAL,
                None => "agent",
            };
            let said = text(method, "description").unwrap_or_default();
            let to_do = match kind {
                TERMINAL => terminal_steps(method, terminal),
                "env_var" => variable_steps(method),
                _ => String::new(),
            };
            let description = [said, &to_do].into_iter().filter(|text| !text.is_empty());
            Some(AuthMethod {
                id: id.to_owned(),
                kind: kind.to_owned(),
                name: text(method, "name").unwrap_or(id).to_owned(),
                description: description.collect::<Vec<_>>().join("; "),
                extra: String::new(),
            })
        })
        .collect()
}

/// What a person does who logs in in a terminal. It is told and never run: it wants a terminal, and to be seen.
fn terminal_steps(method: &Value, terminal: Option<&Value>) -> String {
    let place = terminal.unwrap_or(method);
    let words = list(place, "args").iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ");
    let command = match text(place, "command") {
        Some(command) => format!("`{command} {words}`"),
        None if words.is_empty() => "the agent's program".to_owned(),
        None => format!("the agent's command with `{words}` added"),
    };
    let env = place["env"].as_object().into_iter().flatten();
    let env: String = env.filter_map(|(name, value)| Some(format!(" {name}={}", value.as_str()?))).collect();
    let with = if env.is_empty() { String::new() } else { format!(" (with{env})") };
    format!("run {command}{with} in a terminal, then choose this")
}

/// What a person does whose log-in is a variable.
fn variable_steps(method: &Value) -> String {
    let vars = list(method, "vars").iter().filter_map(|var| text(var, "name").or_else(|| var.as_str()));
    let names: Vec<&str> = vars.chain(text(method, "varName")).collect();
    if names.is_empty() {
        return String::new();
    }
    format!("set {} in the `secrets` of the registration's grant `agent`", names.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_person_does_to_log_in_is_said() {
        let offers = Offers::read(&json!({"authMethods": [
            {"id": "a", "type": "terminal", "args": ["login", "--now"], "env": {"A": "b"}},
            {"id": "b", "description": "In a shell", "_meta": {"terminal-auth": {"command": "agent", "args": ["login"]}}},
            {"id": "c", "type": "env_var", "vars": [{"name": "MY_KEY"}]},
            {"id": "d"},
        ]}));
        let said: Vec<(&str, &str)> =
            offers.auth_methods.iter().map(|one| (one.kind.as_str(), one.description.as_str())).collect();
        assert_eq!(
            said,
            [
                (
                    "terminal",
                    "run the agent's command with `login --now` added (with A=b) in a terminal, then choose this"
                ),
                ("terminal", "In a shell; run `agent login` in a terminal, then choose this"),
                ("env_var", "set MY_KEY in the `secrets` of the registration's grant `agent`"),
                ("agent", ""),
            ]
        );
        assert!(offers.is_terminal_login("b") && !offers.is_terminal_login("c"));
    }
}
