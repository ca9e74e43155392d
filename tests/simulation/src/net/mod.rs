//! The network: devices, the switch between them, addresses, and the clock of each node.

mod addresses;
mod clock;
mod device;
mod flows;
mod frame;
#[cfg(test)]
mod smoltcp_fault;
mod switch;

pub use addresses::{Addresses, owner};
pub use clock::NodeClock;
pub use device::{Device, Pool, Wire};
pub use flows::Last;
pub use frame::{Flow, describe};
pub use switch::{Faults, Switch};
