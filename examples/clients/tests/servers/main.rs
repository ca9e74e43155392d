//! The client programs and real servers, at the two ends of a TAP interface.
//!
//! Run by `scripts/clients`, in a network namespace made for it. Each test has an interface and a
//! network of its own, on which the servers listen at the kernel's end, so that any number of them
//! run at once. Every wait has a limit.

#![cfg(target_os = "linux")]
// A test stops at the first surprise.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod coap;
mod edge_http;
mod http;
mod http_async;
mod mqtt;
mod names;
mod process;
mod servers;
mod status_page;
mod time_and_data;
mod tls;
mod wire;

use process::{Process, until};
use wire::Wire;
