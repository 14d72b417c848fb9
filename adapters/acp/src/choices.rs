//! What can be chosen in a session, its mode and its model, and the three ways in which agents offer it.

use serde_json::{Value, json};

use crate::json::{list, text};

/// How a choice is made known to the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Way {
    /// `session/set_config_option` with this option.
    ConfigOption(String),
    /// `session/set_mode`.
    SetMode,
    /// `session/set_model`, which ACP no longer has and agents still do.
    SetModel,
}

/// One thing that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    way: Way,
    pub(crate) current: Option<String>,
    pub(crate) values: Vec<String>,
}

impl Choice {
    /// The mode, from the answer that opened a session.
    pub(crate) fn mode(opened: &Value) -> Option<Self> {
        Self::config_option(opened, "mode").or_else(|| {
            let modes = &opened["modes"];
            modes
                .is_object()
                .then(|| Self::listed(modes, Way::SetMode, "availableModes", "id", "currentModeId"))
        })
    }

    /// The model, from the answer that opened a session.
    pub(crate) fn model(opened: &Value) -> Option<Self> {
        Self::config_option(opened, "model").or_else(|| {
            let models = &opened["models"];
            let keys = ("availableModels", "modelId", "currentModelId");
            models.is_object().then(|| Self::listed(models, Way::SetModel, keys.0, keys.1, keys.2))
        })
    }

    /// The option of this category in a list of `configOptions`.
    pub(crate) fn config_option(value: &Value, category: &str) -> Option<Self> {
        let option =
            list(value, "configOptions").iter().find(|option| text(option, "category") == Some(category))?;
        let mut values = Vec::new();
        collect_values(list(option, "options"), &mut values);
        Some(Self {
            way: Way::ConfigOption(text(option, "id")?.to_owned()),
            current: text(option, "currentValue").map(str::to_owned),
            values,
        })
    }

    fn listed(value: &Value, way: Way, values: &str, id: &str, current: &str) -> Self {
        Self {
            way,
            current: text(value, current).map(str::to_owned),
            values: list(value, values).iter().filter_map(|one| text(one, id)).map(str::to_owned).collect(),
        }
    }

    /// Whether this value may be asked for. An agent that lists nothing may know it all the same.
    pub(crate) fn allows(&self, value: &str) -> bool {
        self.values.is_empty() || self.values.iter().any(|one| one == value)
    }

    /// The method and its parameters that choose this value.
    pub(crate) fn request(&self, session: &str, value: &str) -> (&'static str, Value) {
        match &self.way {
            Way::ConfigOption(id) => {
                ("session/set_config_option", json!({"sessionId": session, "configId": id, "value": value}))
            }
            Way::SetMode => ("session/set_mode", json!({"sessionId": session, "modeId": value})),
            Way::SetModel => ("session/set_model", json!({"sessionId": session, "modelId": value})),
        }
    }
}

/// Values may be grouped.
fn collect_values(options: &[Value], values: &mut Vec<String>) {
    for option in options {
        values.extend(text(option, "value").map(str::to_owned));
        collect_values(list(option, "options"), values);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_option_goes_before_the_older_list() {
        let opened = json!({
            "configOptions": [{"id": "m", "category": "model", "currentValue": "a",
                "options": [{"value": "a"}, {"group": "g", "options": [{"value": "b"}]}]}],
            "models": {"availableModels": [{"modelId": "x"}], "currentModelId": "x"},
        });
        let model = Choice::model(&opened).expect("a model can be chosen");
        assert_eq!((model.current.as_deref(), model.values.len()), (Some("a"), 2));
        assert!(model.allows("b") && !model.allows("x"));
        assert_eq!(model.request("s", "b").0, "session/set_config_option");
        assert_eq!(Choice::mode(&opened), None);
    }

    #[test]
    fn older_lists_are_read_where_there_is_no_option() {
        let opened = json!({
            "modes": {"availableModes": [{"id": "plan"}], "currentModeId": "plan"},
            "models": {"availableModels": [{"modelId": "x"}], "currentModelId": "x"},
        });
        let chosen = |choice: Option<Choice>| choice.expect("it can be chosen").request("s", "v").0;
        assert_eq!(chosen(Choice::mode(&opened)), "session/set_mode");
        assert_eq!(chosen(Choice::model(&opened)), "session/set_model");
    }
}
