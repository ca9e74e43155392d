//! The bodies of the fuzz targets: each takes a fuzzer's bytes, and panics if the stack does
//! something that it must not. Virtual time, no randomness: the same bytes, the same run.

mod answers;
mod bench;
mod calls;
mod control;
mod dhcp;
mod dice;
mod dns;
mod frames;
mod grammar;
mod packet;
mod peer;
mod read;
mod stream;

pub use answers::answers;
pub use calls::calls;
pub use frames::frames;
pub use sockstate::fuzz_router as router;
