//! The nodes: a stack each, and what its applications do.

mod line;
pub mod ours;
mod stranger;
mod talk;

pub use stranger::Stranger;
