//! `omi-agentd approve` and `answer`: a person answers what a run asks, at another terminal than its own.

use std::process::ExitCode;

use anyhow::{anyhow, bail};
use omi_kernel::command::{Answer as Decision, InputAnswer};
use omi_kernel::id::{AttemptId, RunId};
use omi_store::{RequestState, RequestView};
use serde_json::{Value, json};

use crate::cli::{Answer, Approve, Asked};
use crate::inspect;
use crate::link::{self, Link};
use crate::prompt::owner;
use crate::run::information;
use crate::state::StateDir;
use crate::terminal::{self, quoted};

pub(crate) async fn approve(args: Approve, state: &StateDir) -> anyhow::Result<ExitCode> {
    let (link, request) = find(&args.asked, About::Permission, state).await?;
    let decision = match args.given.option {
        Some(option_id) => Decision::Selected { option_id },
        None if args.given.reject => Decision::Rejected { reason: "refused".to_owned() },
        None => Decision::Cancelled,
    };
    link.approve(AttemptId::parse(&request.attempt_id)?, request.request, decision).await?;
    done(&request, args.json);
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn answer(args: Answer, state: &StateDir) -> anyhow::Result<ExitCode> {
    let (link, request) = find(&args.asked, About::Information, state).await?;
    let answer = match args.given.value {
        Some(text) => InputAnswer::Provided { value: value(text, &request)? },
        None if args.given.decline => InputAnswer::Declined,
        None => InputAnswer::Cancelled,
    };
    link.provide_input(AttemptId::parse(&request.attempt_id)?, request.request, answer).await?;
    done(&request, args.json);
    Ok(ExitCode::SUCCESS)
}

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    Permission,
    Information,
}

impl About {
    fn of(kind: &str) -> Self {
        if matches!(kind, "approval" | "access") { Self::Permission } else { Self::Information }
    }
}

/// The request that is meant, and the daemon that waits for the answer.
async fn find(asked: &Asked, about: About, state: &StateDir) -> anyhow::Result<(Link, RequestView)> {
    if RunId::parse(&asked.of).is_err() && AttemptId::parse(&asked.of).is_err() {
        bail!("`{}` is neither a run id nor an attempt id; hint: `omi-agentd requests`", asked.of);
    }
    let Some(remote) = link::serving(state).await? else {
        bail!(
            "no omi-agentd serves `{}`, so that nobody would hear the answer; hint: `omi-agentd retry RUN` asks again",
            state.path().display()
        );
    };
    let open = inspect::reader(state)?
        .map_or(Ok(Vec::new()), |reader| reader.requests(Some(&owner()), Some(RequestState::Open)))?;
    let of_it = |one: &RequestView| one.run_id == asked.of || one.attempt_id == asked.of;
    let mut open: Vec<RequestView> = open.into_iter().filter(of_it).collect();
    if let Some(number) = asked.request {
        open.retain(|one| one.request == number);
    }
    match open.as_slice() {
        [] => bail!("`{}` asks nothing like that; hint: `omi-agentd requests` lists what is asked", asked.of),
        [one] if About::of(&one.kind) != about => {
            bail!("that is a request of another kind ({}); hint: {}", one.kind, command(one))
        }
        [one] => Ok((remote.into(), one.clone())),
        [_, _, ..] => {
            let numbers: Vec<String> = open.iter().map(|one| one.request.to_string()).collect();
            bail!("`{}` asks more than one thing; hint: --request {}", asked.of, numbers.join(" or "))
        }
    }
}

/// The command that answers a request.
pub(crate) fn command(request: &RequestView) -> String {
    hint(About::of(&request.kind), &request.run_id, request.request, &request.options)
}

/// The command that answers a request for permission.
pub(crate) fn to_approve(of: &str, request: u32, options: &[String]) -> String {
    hint(About::Permission, of, request, options)
}

/// The command that answers a request for information, or for a way to log in.
pub(crate) fn to_answer(of: &str, request: u32, methods: &[String]) -> String {
    hint(About::Information, of, request, methods)
}

fn hint(about: About, of: &str, request: u32, options: &[String]) -> String {
    // They are an adapter's own words.
    let options: Vec<String> = options.iter().map(|id| quoted(&terminal::plain(id))).collect();
    let one_of = options.join(", ");
    match about {
        About::Permission if options.is_empty() => {
            format!("`omi-agentd approve {of} --request {request} --reject`")
        }
        About::Permission => {
            format!("`omi-agentd approve {of} --request {request} --option ID`, where ID is one of {one_of}")
        }
        About::Information if options.is_empty() => {
            format!("`omi-agentd answer {of} --request {request} VALUE`")
        }
        About::Information => {
            format!("`omi-agentd answer {of} --request {request} ID`, where ID is one of {one_of}")
        }
    }
}

/// What a text is to a request: for one with a schema it is JSON.
fn value(text: String, request: &RequestView) -> anyhow::Result<Value> {
    let text = match text.as_str() {
        "-" => std::io::read_to_string(std::io::stdin())?.trim_end_matches('\n').to_owned(),
        _ => text,
    };
    if request.kind == "authentication" {
        return Ok(json!(text));
    }
    information(&text, &request.details["schema"]).map_err(|_| {
        anyhow!("the answer is no JSON; hint: the request has the schema {}", request.details["schema"])
    })
}

fn done(request: &RequestView, json: bool) {
    let (run, number) = (&request.run_id, request.request);
    if json {
        let answered = json!({ "runId": run, "attemptId": request.attempt_id, "request": number });
        // A reader that has gone away has seen enough.
        let _ = terminal::print(&format!("{answered}\n"));
    } else {
        terminal::note(&format!("answered {} {number} of {run}", request.kind));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_that_answers_names_what_may_be_answered_and_nothing_of_it_is_a_shell_s() {
        let options = ["allow".to_owned(), "a b`\n".to_owned()];
        assert_eq!(
            to_approve("run_1", 3, &options),
            "`omi-agentd approve run_1 --request 3 --option ID`, where ID is one of allow, 'a b` '"
        );
        assert_eq!(to_approve("run_1", 3, &[]), "`omi-agentd approve run_1 --request 3 --reject`");
        assert_eq!(to_answer("run_1", 7, &[]), "`omi-agentd answer run_1 --request 7 VALUE`");
        let methods = ["key".to_owned()];
        assert!(to_answer("run_1", 7, &methods).ends_with("ID`, where ID is one of key"));
    }
}
