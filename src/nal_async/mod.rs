//! The embedded-nal-async traits, over the typed sockets.
//!
//! They are implemented for `&Net`, so that several clients use one stack at the same time. Each
//! future may be dropped before it is done: what it had opened is then closed, and nothing is lost
//! that was received or accepted to be sent.

#[cfg(feature = "dns")]
mod dns;
#[cfg(feature = "tcp")]
mod tcp;
#[cfg(feature = "udp")]
mod udp;
