//! The command line of `schema`.

use clap::{Args, Subcommand};

/// Print what programs that talk to omi-agentd can check themselves against.
#[derive(Debug, Args)]
pub(crate) struct Schema {
    #[command(subcommand)]
    pub(crate) of: SchemaOf,
}

/// What is described.
#[derive(Debug, Subcommand)]
pub(crate) enum SchemaOf {
    /// The messages of `serve --stdio`, as a JSON Schema (2020-12)
    Wire,
}
