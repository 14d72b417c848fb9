//! Write an adapter in an afternoon.
//!
//! An adapter stands between omi-agentd, the host, and one kind of agent, the runtime. The host tells it what happened,
//! it answers with what should happen, and the host does it. So an adapter opens nothing by itself, and a test of it
//! needs neither the host nor the runtime.
//!
//! `omi-agentd adapter new NAME` makes a folder with an adapter that works, its test and its build. Begin with that one,
//! and change it into yours along these steps.
//!
//! # 1. An adapter that does nothing
//!
//! The life of a worker is: start, `ready`; open a binding, which is a session of the runtime; execute attempts, each of
//! which ends with exactly one `attempt-finished`; stop.
//!
//! ```
//! use omi_adapter_sdk::testkit::{self, TestKit};
//! use omi_adapter_sdk::{
//!     AttemptEvent, AttemptFinished, BindingFailed, BindingOpened, CancelAnswer, Capabilities, Descriptor, Failure,
//!     Fidelity, Host, Input, Outcome, Ready, Session, SessionAdapter, export_session,
//! };
//!
//! struct Polite;
//!
//! export_session!(Polite); // makes a component of it
//!
//! impl Session for Polite {
//!     fn describe() -> Descriptor {
//!         Descriptor {
//!             adapter_id: "polite".to_owned(),
//!             version: "0.1.0".to_owned(),
//!             title: "Polite".to_owned(),
//!             protocol: "none".to_owned(),
//!             capabilities: Capabilities::least(),
//!             grants: Vec::new(), // it touches nothing
//!             config_schema: String::new(),
//!             extra: String::new(),
//!         }
//!     }
//!
//!     async fn run(host: Host) {
//!         host.send(Ready::new("polite 1.0"));
//!         loop {
//!             match host.next_input().await {
//!                 Input::OpenBinding(open) => host.send(BindingOpened::new(open.binding, "only", Fidelity::None)),
//!                 Input::ResumeBinding(resume) => {
//!                     let failure = Failure::stale("not_kept", "a session ends with its worker");
//!                     host.send(BindingFailed::new(resume.binding, failure));
//!                 }
//!                 Input::ExecuteAttempt(execute) => {
//!                     host.send(AttemptEvent::text(execute.attempt, "answer", "hello"));
//!                     host.send(AttemptFinished::new(execute.attempt, Outcome::succeeded("end_turn"), None));
//!                 }
//!                 // The attempt is over already: nothing is claimed.
//!                 Input::CancelAttempt(cancel) => host.send(CancelAnswer::new(cancel.attempt, false, false)),
//!                 Input::Stop(_) => return,
//!                 _ => {} // what answers things that this adapter never asks
//!             }
//!         }
//!     }
//! }
//!
//! let mut kit = TestKit::<SessionAdapter<Polite>>::new();
//! kit.start("{}");
//! kit.open(1, "/work");
//! assert_eq!(testkit::answer_text(&kit.execute(1, 1, "hi")), "hello");
//! kit.settled();
//! ```
//!
//! # 2. An adapter that drives a process
//!
//! The runtime here is a program, `parrot`, with one word at the beginning of each line. It is told `new`, `resume NAME`,
//! `prompt TEXT`, `yes`, `no` and `stop`; it says `session NAME` or `unknown`, `say TEXT`, `ask TITLE`, `done` and
//! `stopped`. The numbers in the code are explained below it.
//!
//! ```
//! use omi_adapter_sdk::testkit::{self, TestKit};
//! use omi_adapter_sdk::{
//!     ApprovalOption, AttemptEvent, AttemptFinished, Binding, BindingFailed, BindingOpened, CancelAnswer, Cancellation,
//!     Capabilities, Decision, Descriptor, Either, ExecuteAttempt, Failure, Fault, Fidelity, GrantRequest, Host, Input,
//!     OptionKind, Outcome, Process, PromptBlock, Ready, RequestApproval, Restart, Session, SessionAdapter, Spawn,
//!     either, log,
//! };
//!
//! struct Parrot;
//!
//! impl Session for Parrot {
//!     fn describe() -> Descriptor {
//!         Descriptor {
//!             adapter_id: "parrot".to_owned(),
//!             version: "0.1.0".to_owned(),
//!             title: "Parrot".to_owned(),
//!             protocol: "parrot-lines".to_owned(),
//!             capabilities: Capabilities {
//!                 resume: Fidelity::Native,
//!                 restart: Restart::BindingsSurvive,
//!                 cancellation: Cancellation::Acknowledged,
//!                 ..Capabilities::least()
//!             },
//!             grants: vec![GrantRequest::process("agent", "Runs the parrot.")], // (1)
//!             config_schema: String::new(),
//!             extra: String::new(),
//!         }
//!     }
//!
//!     async fn run(host: Host) {
//!         if let Err(failure) = work(&host).await {
//!             host.send(Fault::new(failure)); // (2)
//!         }
//!     }
//! }
//!
//! async fn work(host: &Host) -> Result<(), Failure> {
//!     let mut agent = host.start(Spawn::lines(host.op(), "agent")).await?; // (1)
//!     host.send(Ready::new("parrot"));
//!     loop {
//!         match either(agent.read_line(), host.next_input()).await { // (3)
//!             Either::First(line) => {
//!                 let line = line?.ok_or_else(ended)?;
//!                 log::debug(&format!("nobody asked for `{line}`"));
//!             }
//!             Either::Second(Input::OpenBinding(open)) => bind(host, &mut agent, open.binding, "new").await,
//!             Either::Second(Input::ResumeBinding(resume)) => {
//!                 bind(host, &mut agent, resume.binding, &format!("resume {}", resume.native_id)).await;
//!             }
//!             Either::Second(Input::ExecuteAttempt(execute)) => {
//!                 let mut turn = Turn { execute, is_cancelling: false, is_stopping: false };
//!                 let outcome = turn.run(host, &mut agent).await.unwrap_or_else(Outcome::Failed);
//!                 if turn.is_cancelling { // (5)
//!                     let acknowledged = outcome == Outcome::Cancelled;
//!                     host.send(CancelAnswer::new(turn.execute.attempt, true, acknowledged));
//!                 }
//!                 host.send(AttemptFinished::new(turn.execute.attempt, outcome, None));
//!                 if turn.is_stopping {
//!                     return Ok(agent.close_stdin());
//!                 }
//!             }
//!             Either::Second(Input::CancelAttempt(cancel)) => {
//!                 host.send(CancelAnswer::new(cancel.attempt, false, false).because("it was over already"));
//!             }
//!             Either::Second(Input::Stop(_)) => return Ok(agent.close_stdin()),
//!             Either::Second(_) => {}
//!         }
//!     }
//! }
//!
//! fn ended() -> Failure {
//!     Failure::retryable("parrot_ended", "the parrot ended")
//! }
//!
//! async fn bind(host: &Host, agent: &mut Process, binding: Binding, order: &str) { // (7)
//!     match session(host, agent, order).await {
//!         Ok(name) => host.send(BindingOpened::new(binding, name, Fidelity::Native)),
//!         Err(failure) => host.send(BindingFailed::new(binding, failure)),
//!     }
//! }
//!
//! async fn session(host: &Host, agent: &mut Process, order: &str) -> Result<String, Failure> {
//!     agent.write(format!("{order}\n"))?;
//!     let silent = || Failure::retryable("parrot_silent", "the parrot says no session");
//!     let line = host.within(30_000, agent.read_line()).await.ok_or_else(silent)??.ok_or_else(ended)?;
//!     match line.strip_prefix("session ") {
//!         Some(name) => Ok(name.to_owned()),
//!         None => Err(Failure::stale("unknown_session", format!("the parrot says `{line}`"))),
//!     }
//! }
//!
//! struct Turn {
//!     execute: ExecuteAttempt,
//!     is_cancelling: bool,
//!     is_stopping: bool,
//! }
//!
//! impl Turn {
//!     async fn run(&mut self, host: &Host, agent: &mut Process) -> Result<Outcome, Failure> {
//!         agent.write(format!("prompt {}\n", text(&self.execute.prompt)?))?;
//!         let attempt = self.execute.attempt;
//!         loop {
//!             match either(agent.read_line(), host.next_input()).await { // (3)
//!                 Either::First(line) => {
//!                     let line = line?.ok_or_else(ended)?;
//!                     match line.split_once(' ').unwrap_or((&line, "")) {
//!                         ("say", text) => host.send(AttemptEvent::text(attempt, "answer", text)), // (4)
//!                         ("ask", title) => {
//!                             let options = vec![
//!                                 ApprovalOption::new("yes", "Allow", OptionKind::AllowOnce),
//!                                 ApprovalOption::new("no", "Refuse", OptionKind::RejectOnce),
//!                             ];
//!                             host.send(RequestApproval::new(host.op(), attempt, title, options)); // (6)
//!                         }
//!                         ("done", _) => return Ok(Outcome::succeeded("end_turn")),
//!                         ("stopped", _) => return Ok(Outcome::Cancelled),
//!                         _ => log::warn(&format!("not understood: {line}")),
//!                     }
//!                 }
//!                 Either::Second(Input::CancelAttempt(_)) => {
//!                     self.is_cancelling = true;
//!                     agent.write("stop\n")?; // (5)
//!                 }
//!                 Either::Second(Input::Approval(approval)) => {
//!                     let allowed = approval.decision == Decision::Selected("yes".to_owned());
//!                     agent.write(if allowed { "yes\n" } else { "no\n" })?; // (6)
//!                 }
//!                 Either::Second(Input::Stop(_)) => {
//!                     self.is_stopping = true;
//!                     return Err(Failure::retryable("stopped", "the worker was told to stop"));
//!                 }
//!                 Either::Second(_) => {}
//!             }
//!         }
//!     }
//! }
//!
//! fn text(prompt: &[PromptBlock]) -> Result<String, Failure> {
//!     match prompt {
//!         [PromptBlock::Text(text)] => Ok(text.replace('\n', " ")),
//!         _ => Err(Failure::fatal("prompt_unsupported", "the parrot takes one text")),
//!     }
//! }
//!
//! // Its test.
//! let mut kit = TestKit::<SessionAdapter<Parrot>>::new();
//! let agent = testkit::effect_op(&kit.start("{}"));
//! assert_eq!(kit.send(testkit::spawned(agent)), [Ready::new("parrot").into()]);
//!
//! assert_eq!(testkit::written_text(&kit.open(1, "/work")), "new\n");
//! kit.send(testkit::line(agent, "session p1"));
//!
//! assert_eq!(testkit::written_text(&kit.execute(1, 1, "hello")), "prompt hello\n");
//! let outputs = kit.send_all(["say hel", "say lo", "ask May I?"].map(|line| testkit::line(agent, line)));
//! assert_eq!(testkit::answer_text(&outputs), "hello");
//! let request = testkit::approval_asked(&outputs).request;
//! let outputs = kit.send(testkit::approval(request, Decision::Selected("yes".to_owned())));
//! assert_eq!(testkit::written_text(&outputs), "yes\n");
//!
//! assert_eq!(testkit::written_text(&kit.send(testkit::cancel(1))), "stop\n");
//! let outputs = kit.send(testkit::line(agent, "stopped"));
//! assert_eq!(outputs[0], CancelAnswer::new(1, true, true).into());
//! assert_eq!(testkit::outcome(&outputs), Some(&Outcome::Cancelled));
//! kit.settled();
//!
//! let mut later = TestKit::<SessionAdapter<Parrot>>::new();
//! let agent = testkit::effect_op(&later.start("{}"));
//! later.send(testkit::spawned(agent));
//! assert_eq!(testkit::written_text(&later.resume(1, "p1", "/work")), "resume p1\n");
//! let outputs = later.send(testkit::line(agent, "session p1"));
//! assert!(outputs.contains(&BindingOpened::new(1, "p1", Fidelity::Native).into()));
//! later.settled();
//! ```
//!
//! 1. **Grants.** An adapter asks for what it needs under a name, with a reason for a person. The registration binds the
//!    name to a program; [`Host::start`](crate::Host::start) starts it, or says why not.
//! 2. **Failures.** Each error of this crate becomes a [`Failure`](crate::Failure) with `?`: retryable or fatal, with its
//!    words. A [`Fault`](crate::Fault) ends the worker, so it is for what no attempt can survive.
//! 3. **Waiting.** [`either`](fn@crate::either) waits for the runtime and for the host at the same time. An adapter that waits
//!    for one of them alone, for long, cannot be cancelled.
//! 4. **Streaming.** Each piece is sent when it comes; a message ends where another begins, or the attempt.
//! 5. **Cancellation** claims what is known. `dispatched`: the runtime was told. `acknowledged`: it said that work has
//!    stopped, which here is the line `stopped`. There is one answer, so it waits for that line; if `done` comes first it
//!    is honest, too. The descriptor says the best that can be known.
//! 6. **Approvals** have a number that is used once; [`Host::op`](crate::Host::op) gives such numbers. The answer comes
//!    exactly once, also when nobody answered.
//! 7. **Resume.** The native id of `binding-opened` comes back in `resume-binding`, in another worker. If the runtime does
//!    not know it any more the failure is *stale*: the host then opens a new one.
//!
//! # 3. Its test
//!
//! [`testkit`](crate::testkit) plays the host, on a clock of its own. `send` tells the adapter one thing and gives what it
//! asks for; `advance` lets time pass; `settled` says whether something still waits for an answer. The kit checks every
//! output against the contract and panics with the rule that was broken.
//!
//! # 4. Build, check, install, run
//!
//! The same rules, and many more, hold for the component. `omi-agentd adapter check` plays the host and the runtime; what
//! the runtime says stands in a file, `parrot.peer.toml`:
//!
//! ```toml
//! [prompts]
//! answer = "hello"
//! hang = "wait"
//! permission = "ask me"
//!
//! [[process]]
//! grant = "agent"
//!
//! [[process.reply]]
//! when = "new"
//! say = ["session p1"]
//!
//! [[process.reply]]
//! when = "resume p1"
//! say = ["session p1"]
//!
//! [[process.reply]]
//! when = "prompt hello"
//! say = ["say hello", "done"]
//!
//! [[process.reply]]
//! when = "prompt ask me"
//! say = ["ask May I?"]
//!
//! [[process.reply]]
//! when = "yes"
//! say = ["say thank you", "done"]
//!
//! [[process.reply]]
//! when = "no"
//! say = ["done"]
//!
//! [[process.reply]]
//! when = "stop"
//! say = ["stopped"]
//!
//! [[process.reply]]
//! when = ""
//! say = []
//! ```
//!
//! In a folder made by `omi-agentd adapter new parrot`:
//!
//! ```sh
//! cargo test
//! cargo build --release --target wasm32-wasip2
//! omi-agentd adapter check target/wasm32-wasip2/release/parrot.wasm --peer parrot.peer.toml
//! omi-agentd adapter install target/wasm32-wasip2/release/parrot.wasm
//! omi-agentd run --config omi.toml --adapter parrot "hello"
//! ```
//!
//! with this in `omi.toml`:
//!
//! ```toml
//! [registrations.parrot]
//! component = "target/wasm32-wasip2/release/parrot.wasm"
//! grants.agent = { command = ["parrot"] }
//! ```
//!
//! # From here
//!
//! A runtime that speaks JSON-RPC: the module `rpc`, with the feature `json-rpc`. One that is a server:
//! [`Host::request`](crate::Host::request) and [`Response::next_event`](crate::Response::next_event). Many bindings and
//! attempts at the same time: [`styles`](crate::styles). What each record means: `wit/v0.1`.
