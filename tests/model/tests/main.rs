//! The kernel under a simulated world, and the kernel with the real store beside the reference.

mod known;
mod model;
mod projection;
mod rows;
mod simulation;
