//! What the images on other stacks share.
#![no_std]

#[cfg(feature = "smoltcp-nal")]
pub mod smoltcp_0_12;
