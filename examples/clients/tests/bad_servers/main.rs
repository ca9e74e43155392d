//! Published clients against servers that misbehave, in virtual time.
//!
//! The server answers garbage, or closes in the middle of a message, or stays silent, or resets
//! the connection at each packet. For each client: what it says about that and when, that the stack
//! is as good as before for the next exchange, and that no slot is lost.

// A test stops at the first surprise.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod coap;
mod http;
mod mqtt;
mod ntp;
mod paced;
mod redis;
mod scene;

use paced::Paced;
use scene::{Behaviour, Scene};
