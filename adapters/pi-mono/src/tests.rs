//! Tests with the kit of the SDK: what pi says, what is made of it, and what is said to pi.

mod cancels;
mod dialogs;
mod opening;
mod script;
mod turns;
