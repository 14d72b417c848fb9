//! A reactor or a session? Both become the same kind of component; they differ in how the adapter remembers where it is.
//!
//! **A session** ([`Session`](crate::Session)) is one `async fn`: where it stands in the code is where the work is. Choose
//! it where one thing follows another: one program, one binding, one attempt at a time. Things beside it are tasks
//! ([`Host::task`](crate::Host::task)) or a second thing to wait for ([`either`](fn@crate::either)).
//!
//! **A reactor** ([`Adapter`](crate::Adapter)) is one function that takes an input and gives outputs: what it has to
//! remember is in its fields. Choose it where any input may come at any time and most of them belong to one of many
//! things: several bindings on one connection, requests in both directions. [`Lines`](crate::lines::Lines),
//! [`Stdin`](crate::stdin::Stdin), [`Events`](crate::sse::Events) and `rpc` need no session.
//!
//! In doubt begin with a session; it is less to write. When it consists of tasks that share cells, it wants to be a reactor.
//!
//! The same in both: after each prompt wait a second, then say so.
//!
//! ```
//! # use omi_adapter_sdk::{Capabilities, Descriptor};
//! # fn descriptor() -> Descriptor {
//! #     let [adapter_id, version, title, protocol] = ["slow", "0.1.0", "Slow", "none"].map(str::to_owned);
//! #     let (capabilities, grants, config_schema) = (Capabilities::least(), vec![], String::new());
//! #     Descriptor { adapter_id, version, title, protocol, capabilities, grants, config_schema, extra: String::new() }
//! # }
//! use omi_adapter_sdk::{
//!     Adapter, Attempt, AttemptFinished, Host, Input, Millis, Op, Outcome, Outputs, Ready, Session, SetTimer,
//! };
//!
//! struct Straight;
//!
//! impl Session for Straight {
//! #   fn describe() -> Descriptor {
//! #       descriptor()
//! #   }
//!     async fn run(host: Host) {
//!         host.send(Ready::new(""));
//!         loop {
//!             match host.next_input().await {
//!                 Input::ExecuteAttempt(execute) => {
//!                     host.sleep(1000).await; // other inputs wait meanwhile
//!                     host.send(AttemptFinished::new(execute.attempt, Outcome::succeeded("end_turn"), None));
//!                 }
//!                 Input::Stop(_) => return,
//!                 _ => {}
//!             }
//!         }
//!     }
//! }
//!
//! struct Reactor {
//!     last_op: Op,
//!     waiting: Vec<(Op, Attempt)>, // any number at the same time
//! }
//!
//! impl Adapter for Reactor {
//! #   fn describe() -> Descriptor {
//! #       descriptor()
//! #   }
//!     fn new() -> Self {
//!         Self { last_op: 0, waiting: Vec::new() }
//!     }
//!
//!     fn handle(&mut self, _now: Millis, input: Input, out: &mut Outputs) {
//!         match input {
//!             Input::Start(_) => out.push(Ready::new("")),
//!             Input::ExecuteAttempt(execute) => {
//!                 self.last_op += 1;
//!                 self.waiting.push((self.last_op, execute.attempt));
//!                 out.push(SetTimer::new(self.last_op, 1000));
//!             }
//!             Input::Timer(op) => {
//!                 for (_, attempt) in self.waiting.extract_if(.., |(timer, _)| *timer == op) {
//!                     out.push(AttemptFinished::new(attempt, Outcome::succeeded("end_turn"), None));
//!                 }
//!             }
//!             _ => {}
//!         }
//!     }
//! }
//!
//! # use omi_adapter_sdk::SessionAdapter;
//! # use omi_adapter_sdk::testkit::{self, TestKit};
//! # fn is_slow<A: Adapter>() {
//! #     let mut kit = TestKit::<A>::new();
//! #     kit.start("{}");
//! #     kit.execute(1, 1, "hello");
//! #     assert_eq!(kit.advance(999), []);
//! #     assert_eq!(testkit::outcome(&kit.advance(1)), Some(&Outcome::succeeded("end_turn")));
//! # }
//! # is_slow::<SessionAdapter<Straight>>();
//! # is_slow::<Reactor>();
//! ```
