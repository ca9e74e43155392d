//! What the images on other stacks share.
#![no_std]

#[cfg(feature = "smoltcp-nal")]
pub mod smoltcp_0_12;

/// What embassy-net is told of a device.
#[cfg(feature = "embassy-net")]
pub fn capabilities(device: &impl smoltcp::phy::Device) -> embassy_net_driver::Capabilities {
    let known = device.capabilities();
    let mut caps = embassy_net_driver::Capabilities::default();
    caps.max_transmission_unit = known.max_transmission_unit;
    caps.max_burst_size = known.max_burst_size;
    caps
}
