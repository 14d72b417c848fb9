//! The end-to-end tests: the real daemon, bundled components, and a real process behind them.

mod again;
mod artifacts;
mod bad_input;
mod bad_messages;
mod cancel;
mod contract;
mod crash;
mod delegation;
mod files;
mod grants;
mod hostile;
mod install;
mod kill;
mod languages;
mod limits;
mod new;
mod people;
mod reload;
mod remote;
mod run;
mod secrets;
mod serve;
mod session;
mod subscribe;
mod tidy;
mod trees;
