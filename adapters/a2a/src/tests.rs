//! Behaviours, with an agent that says what the test says.

mod asking;
mod cancelling;
mod dropping;
mod endings;
mod opening;
mod script;
mod telling;
