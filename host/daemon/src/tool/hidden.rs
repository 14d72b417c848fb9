//! What no agent is told: the names of the folder through which a person answers, and of the file that says what is
//! allowed (host/README: who may answer).

use std::path::Path;

use serde_json::Value;

use super::ToolError;
use crate::surface::Surface;

/// What stands for it.
const INSTEAD: &str = "(omi-agentd)";

/// Names, in each form in which they may be in an answer.
pub(super) struct Hidden(Vec<String>);

impl Hidden {
    /// What is hidden from the agents of a daemon.
    pub(super) fn of(surface: &Surface) -> Self {
        let state = surface.readers.database().parent();
        let named = state.into_iter().chain([surface.config.path.as_path()]);
        // Also as they are called where a link leads to them.
        let paths = named.flat_map(|path| [Some(path.to_owned()), path.canonicalize().ok()]).flatten();
        Self(paths.flat_map(|path| forms(&path)).filter(|form| form.len() > 1).collect())
    }

    /// An answer without them.
    pub(super) fn from(&self, done: Result<Value, ToolError>) -> Result<Value, ToolError> {
        match done {
            Ok(mut answer) => {
                self.walk(&mut answer);
                Ok(answer)
            }
            Err(error) => Err(ToolError { message: self.text(&error.message), ..error }),
        }
    }

    fn walk(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if self.0.iter().any(|form| text.contains(form)) {
                    *text = self.text(text);
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.walk(value)),
            Value::Object(fields) => fields.values_mut().for_each(|value| self.walk(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn text(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, form| text.replace(form, INSTEAD))
    }
}

/// A path as it is written, and as it is in a URI.
fn forms(path: &Path) -> [String; 2] {
    [path.display().to_string(), crate::artifacts::uri_path(path)]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_folder_is_in_no_answer_in_no_form() {
        let hidden = Hidden(forms(Path::new("/home/me/my state")).to_vec());
        let answer = json!({ "a": [{ "uri": "file:///home/me/my%20state/artifacts/ab" }], "b": "/home/me/my state/x" });
        let shown = hidden.from(Ok(answer)).unwrap().to_string();
        assert!(!shown.contains("state") && shown.contains("(omi-agentd)/artifacts/ab"), "{shown}");
        let error = ToolError::new("x", "cannot read `/home/me/my state/omi-agentd.sqlite3`");
        assert_eq!(
            hidden.from(Err(error)).unwrap_err().message,
            "cannot read `(omi-agentd)/omi-agentd.sqlite3`"
        );
    }
}
