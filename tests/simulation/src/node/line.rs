//! A connection, whoever's stack it is of, and whatever its state.

use sockstate::smoltcp::socket::tcp::State;
use sockstate::{Error, Instant, nb};

use crate::net::Last;
use crate::plan::Script;

/// A connection, whoever's stack it is of, and whatever its state.
pub trait Line {
    /// Whether the stack keeps what has arrived, whatever becomes of the connection.
    const KEEPS: bool;

    fn set_options(&mut self, script: &Script);
    fn send(&mut self, data: &[u8]) -> nb::Result<usize, Error>;
    fn receive(&mut self, buffer: &mut [u8]) -> nb::Result<usize, Error>;
    fn flush(&mut self) -> nb::Result<(), Error>;
    /// What is queued and not acknowledged.
    fn queued(&self) -> usize;
    fn state(&self) -> State;
    /// Ends the sending direction.
    fn shutdown(&mut self);
    fn close(&mut self);
    /// Whether it is closed, and how it went.
    fn poll_closed(&mut self) -> nb::Result<(), Error>;
    fn abort(&mut self);
    /// What its type promises and its state contradicts.
    fn contradiction(&self, is_half_closed: bool) -> Option<String>;
    /// The last frame that was heard of it.
    fn heard(&self) -> Option<Last>;
    /// When the last frame of it was sent.
    fn sent_at(&self) -> Option<Instant>;
    /// The same, but for probes: each one puts the next probe off.
    fn spoke_at(&self) -> Option<Instant>;
}
