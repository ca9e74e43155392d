//! The boards: where their peripherals are, and how they sleep.

#[cfg(feature = "mps2-an385")]
mod mps2_an385;
#[cfg(feature = "mps2-an385")]
pub use mps2_an385::*;

#[cfg(all(feature = "lm3s6965evb", not(feature = "mps2-an385")))]
mod lm3s6965evb;
#[cfg(all(feature = "lm3s6965evb", not(feature = "mps2-an385")))]
pub use lm3s6965evb::*;
