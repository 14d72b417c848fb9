//! The script: what the model says, given how the conversation ends.

/// The chunks of the answer to `say hello`.
pub(crate) const HELLO: [&str; 3] = ["Hello", " from", " the model"];

/// The command for `list files`: it also writes, because agents run commands that only read without asking.
pub(crate) const LIST_FILES: &str = "ls -1 > listing.txt && cat listing.txt";

/// The beginning of every answer to a tool's result.
pub(crate) const TOOL_SAID: &str = "The tool said: ";

/// A tool's result is repeated up to this many characters, so that an answer stays one small event.
const MAX_SUMMARY: usize = 2000;

/// What to answer.
pub(super) enum Reply {
    /// Text, in these chunks.
    Text(Vec<String>),
    /// A call of the agent's shell tool with this command.
    Shell(String),
    /// Words at a slow pace.
    Slow,
}

/// The reply to a conversation that ends with this text of the user, and then perhaps with a tool's result.
pub(super) fn reply(user_text: &str, tool_output: Option<&str>) -> Reply {
    if let Some(output) = tool_output {
        let summary = output.chars().take(MAX_SUMMARY).collect();
        return Reply::Text(vec![TOOL_SAID.to_owned(), summary]);
    }
    let text = user_text.trim();
    match text {
        "say hello" => Reply::Text(HELLO.map(str::to_owned).to_vec()),
        "list files" => Reply::Shell(LIST_FILES.to_owned()),
        "slow" => Reply::Slow,
        _ => match text.strip_prefix("run:") {
            Some(command) => Reply::Shell(command.trim().to_owned()),
            None => Reply::Text(vec!["You said: ".to_owned(), text.to_owned()]),
        },
    }
}

/// One word of a slow answer. They differ, because agents end a stream that repeats itself.
pub(super) fn slow_word(index: usize) -> String {
    format!("word{index} ")
}
