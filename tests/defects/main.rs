//! One test, or several, for each defect that users of embedded network stacks meet today. Each
//! fails when the defect comes in.
//!
//! The number in a test's name is the number of the defect. Where a defect concerns programs that
//! know nothing but embedded-nal, the test exists for the typed sockets and for those traits.
//!
//! Not here: that a stack can be shared only in ways that are sound (17) is for the compiler to
//! say, see `tests/compile_fail/sharing`; DNS (5) is not part of the crate; and the cost of a
//! frame among many sockets (25) is measured by a benchmark.

#[path = "../common/mod.rs"]
mod common;

mod closing;
mod connecting;
mod ending;
mod listening;
mod network;
mod ports;
mod slots;
mod waiting;
