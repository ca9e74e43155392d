//! The network: devices, the switch between them, addresses, and the clock of each node.

mod addresses;
mod clock;
mod device;
mod frame;
mod heard;
mod switch;

pub use addresses::{Addresses, owner};
pub use clock::NodeClock;
pub use device::{Device, Pool, Wire};
pub use frame::Flow;
pub use heard::Last;
pub use switch::{Faults, Switch};
