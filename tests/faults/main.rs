//! A fault at every step: one scenario that uses all there is to use, run once for each place at
//! which something can go wrong.
//!
//! A case that fails names itself; `SOCKSTATE_FAULT` set to that name runs it alone.

mod clock;
#[path = "../common/mod.rs"]
mod common;
mod deaf;
mod device;
mod full;
mod load;
mod loss;
mod memory;
mod pair;
mod program;
mod scene;
mod sweep;
