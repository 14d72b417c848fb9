//! The script: what the model says, given how the conversation ends.

/// The chunks of the answer to `say hello`.
pub(crate) const HELLO: [&str; 3] = ["Hello", " from", " the model"];

/// The command for `list files`: it also writes, because agents run commands that only read without asking.
pub(crate) const LIST_FILES: &str = "ls -1 > listing.txt && cat listing.txt";

/// The beginning, which does nothing, of a command that is to run outside of the agent's sandbox: a person has to allow it.
pub(crate) const OUTSIDE: &str = ": outside; ";

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
    /// A greeting in this name, once somebody of another name is there too.
    Meet(String),
    /// Words at a slow pace.
    Slow,
}

/// The reply to a conversation that ends with this text of the user, and then perhaps with a tool's result.
pub(super) fn reply(user_text: &str, tool_output: Option<&str>, offers_tools: bool) -> Reply {
    if let Some(output) = tool_output {
        let summary = output.chars().take(MAX_SUMMARY).collect();
        return Reply::Text(vec![TOOL_SAID.to_owned(), summary]);
    }
    let text = user_text.trim();
    // Agents add context of their own around what the user said; a command stands on a line of its own.
    let command = text.lines().rev().find_map(|line| command(line.trim()));
    match command {
        Some(Reply::Shell(_) | Reply::Meet(_) | Reply::Slow) if !offers_tools => {
            Reply::Text(vec!["There is no tool.".to_owned()])
        }
        Some(reply) => reply,
        None => Reply::Text(vec!["You said: ".to_owned(), text.to_owned()]),
    }
}

fn command(line: &str) -> Option<Reply> {
    match line {
        "say hello" => Some(Reply::Text(HELLO.map(str::to_owned).to_vec())),
        "list files" => Some(Reply::Shell(LIST_FILES.to_owned())),
        "slow" => Some(Reply::Slow),
        _ => match (line.strip_prefix("run:"), line.strip_prefix("meet ")) {
            (Some(command), _) => Some(Reply::Shell(command.trim().to_owned())),
            (None, Some(name)) => Some(Reply::Meet(name.to_owned())),
            (None, None) => None,
        },
    }
}

/// The answer to somebody who met another, or whom nobody came to meet.
pub(super) fn greeting(name: &str, met: bool) -> String {
    if met { format!("{name} has met another") } else { format!("{name} is alone") }
}

/// One word of a slow answer. They differ, because agents end a stream that repeats itself.
pub(super) fn slow_word(index: usize) -> String {
    format!("word{index} ")
}
