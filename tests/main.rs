//! The end-to-end tests: the real daemon, bundled components, and a real process behind them.

mod bad_input;
mod cancel;
mod hostile;
mod kill;
mod run;
mod serve;
mod tidy;
