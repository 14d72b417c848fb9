//! `cargo xtask wit`: what is done to the contract by hand.

use anyhow::Result;
use clap::ValueEnum;

use crate::step;

/// What is done.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Act {
    /// Have `wit/landed` show the contract as it is now, if its change is allowed.
    Land,
}

/// The tests know the rule, so one of them does it.
pub(crate) fn run(act: Act) -> Result<()> {
    let test = match act {
        Act::Land => "contract::land",
    };
    let arguments =
        ["test", "--quiet", "-p", "omi-tests", "--test", "main", "--", "--ignored", "--exact", "--nocapture"];
    step::run(&format!("wit {act:?}").to_lowercase(), step::cargo().args(arguments).arg(test))
}
