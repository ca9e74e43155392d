#![doc = include_str!("from_c.md")]

// For the links of the page.
#[allow(unused_imports)]
use crate::*;
