//! The resources, asked in process: a real daemon in a folder of its own, with the adapter `echo`.

mod bench;
mod errors;
mod files;
mod runs;
mod sessions;
