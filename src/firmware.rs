#![doc = include_str!("firmware.md")]

// For the links of the page.
#[allow(unused_imports)]
use crate::*;
