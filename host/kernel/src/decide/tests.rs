//! The tests of `decide`: one story per rule, then a random walk over all of them.

mod accept;
mod activity;
mod approval;
mod begin;
mod bind;
mod cancel;
mod finish;
mod reconcile;
mod story;
mod walk;
mod world;
