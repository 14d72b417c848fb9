//! What can be chosen in a session, its mode, its model and its options, and the three ways in which agents offer it.

use serde_json::{Value, json};

use crate::json::{list, text};

/// What is to be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Mode,
    Model,
    /// The option with this id.
    Option(String),
}

impl What {
    /// The word for it in a code and in a sentence.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Mode => "mode",
            Self::Model => "model",
            Self::Option(_) => "option",
        }
    }
}

/// How a choice is made known to the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Way {
    /// `session/set_config_option` with this option.
    ConfigOption(String),
    /// The same, and its value is yes or no.
    Flag(String),
    /// `session/set_mode`.
    SetMode,
    /// `session/set_model`, which ACP no longer has and agents still do.
    SetModel,
}

/// One thing that can be chosen. The values of a flag are `true` and `false`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    way: Way,
    pub(crate) current: Option<String>,
    pub(crate) values: Vec<String>,
}

/// Everything that can be chosen in a session.
#[derive(Debug, Default)]
pub(crate) struct Choices {
    options: Vec<ConfigOption>,
    /// The older lists: an option of the same category goes before them.
    modes: Option<Choice>,
    models: Option<Choice>,
}

#[derive(Debug)]
struct ConfigOption {
    id: String,
    category: Option<String>,
    choice: Choice,
}

impl Choices {
    /// From the answer that opened a session.
    pub(crate) fn read(opened: &Value) -> Self {
        let older = |key: &str, way, values, id, current| {
            let value = &opened[key];
            value.is_object().then(|| Choice::listed(value, way, values, id, current))
        };
        Self {
            options: options(opened),
            modes: older("modes", Way::SetMode, "availableModes", "id", "currentModeId"),
            models: older("models", Way::SetModel, "availableModels", "modelId", "currentModelId"),
        }
    }

    /// A list of `configOptions` is always complete and takes the place of the one before.
    pub(crate) fn update(&mut self, value: &Value) {
        if value["configOptions"].as_array().is_some_and(|options| !options.is_empty()) {
            self.options = options(value);
        }
    }

    /// The agent is in this mode now.
    pub(crate) fn mode_is(&mut self, mode: Option<&str>) {
        if let Some(modes) = &mut self.modes {
            modes.current = mode.map(str::to_owned);
        }
    }

    /// What can be chosen there, if anything.
    pub(crate) fn get(&self, what: &What) -> Option<&Choice> {
        let option = self.options.iter().find(|option| option.is(what)).map(|option| &option.choice);
        option.or(match what {
            What::Mode => self.modes.as_ref(),
            What::Model => self.models.as_ref(),
            What::Option(_) => None,
        })
    }

    /// The value in use, where the agent says so.
    pub(crate) fn current(&self, what: &What) -> Option<String> {
        self.get(what).and_then(|choice| choice.current.clone())
    }

    /// This value is in use from here on; nothing means that nobody knows.
    pub(crate) fn is(&mut self, what: &What, value: Option<&str>) {
        let option = self.options.iter_mut().find(|option| option.is(what)).map(|option| &mut option.choice);
        let choice = option.or(match what {
            What::Mode => self.modes.as_mut(),
            What::Model => self.models.as_mut(),
            What::Option(_) => None,
        });
        if let Some(choice) = choice {
            choice.current = value.map(str::to_owned);
        }
    }

    /// The ids of the options.
    pub(crate) fn option_ids(&self) -> Vec<&str> {
        self.options.iter().map(|option| option.id.as_str()).collect()
    }
}

impl ConfigOption {
    fn is(&self, what: &What) -> bool {
        match what {
            What::Option(id) => self.id == *id,
            // A category is optional, and agents without it name the option so.
            What::Mode | What::Model => self.category.as_ref().unwrap_or(&self.id) == what.word(),
        }
    }
}

impl Choice {
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
            Way::Flag(id) => (
                "session/set_config_option",
                json!({"sessionId": session, "configId": id, "type": "boolean", "value": value == "true"}),
            ),
            Way::SetMode => ("session/set_mode", json!({"sessionId": session, "modeId": value})),
            Way::SetModel => ("session/set_model", json!({"sessionId": session, "modelId": value})),
        }
    }
}

fn options(value: &Value) -> Vec<ConfigOption> {
    list(value, "configOptions").iter().filter_map(option).collect()
}

fn option(option: &Value) -> Option<ConfigOption> {
    let id = text(option, "id")?.to_owned();
    let choice = match option["currentValue"].as_bool() {
        Some(current) => Choice {
            way: Way::Flag(id.clone()),
            current: Some(current.to_string()),
            values: vec!["true".to_owned(), "false".to_owned()],
        },
        None => {
            let mut values = Vec::new();
            collect_values(list(option, "options"), &mut values);
            let current = text(option, "currentValue").map(str::to_owned);
            Choice { way: Way::ConfigOption(id.clone()), current, values }
        }
    };
    Some(ConfigOption { id, category: text(option, "category").map(str::to_owned), choice })
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
        let choices = Choices::read(&opened);
        let model = choices.get(&What::Model).expect("a model can be chosen");
        assert_eq!((model.current.as_deref(), model.values.len()), (Some("a"), 2));
        assert!(model.allows("b") && !model.allows("x"));
        assert_eq!(model.request("s", "b").0, "session/set_config_option");
        assert_eq!(choices.get(&What::Mode), None);
    }

    #[test]
    fn older_lists_are_read_where_there_is_no_option() {
        let choices = Choices::read(&json!({
            "modes": {"availableModes": [{"id": "plan"}], "currentModeId": "plan"},
            "models": {"availableModels": [{"modelId": "x"}], "currentModelId": "x"},
        }));
        let chosen = |what: &What| choices.get(what).expect("it can be chosen").request("s", "v").0;
        assert_eq!(chosen(&What::Mode), "session/set_mode");
        assert_eq!(chosen(&What::Model), "session/set_model");
    }

    #[test]
    fn a_flag_is_an_option_of_two_values() {
        let mut choices = Choices::read(&json!({"configOptions": [
            {"id": "mode", "currentValue": "a", "options": [{"value": "a"}]},
            {"id": "fast", "type": "boolean", "currentValue": false}]}));
        assert_eq!(choices.current(&What::Mode).as_deref(), Some("a"), "an id where there is no category");
        let fast = What::Option("fast".to_owned());
        let flag = choices.get(&fast).expect("it can be chosen");
        assert!(flag.allows("true") && !flag.allows("maybe"));
        assert_eq!(
            flag.request("s", "true").1,
            json!({"sessionId": "s", "configId": "fast", "type": "boolean", "value": true})
        );
        choices.update(&json!({"configOptions": [{"id": "fast", "currentValue": true}]}));
        assert_eq!(choices.current(&fast).as_deref(), Some("true"));
        assert_eq!(choices.option_ids(), ["fast"]);
    }
}
