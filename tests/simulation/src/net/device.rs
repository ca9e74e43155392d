//! The device of a node: a queue of frames that have arrived, and one of those that it sent.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use smoltcp::phy::{self, DeviceCapabilities, Medium};
use sockstate::Instant;

use super::frame::flow;
use super::heard::{Heard, Last};

/// Buffers of frames that are gone, for those to come.
#[derive(Clone, Debug, Default)]
pub struct Pool(Rc<RefCell<Vec<Vec<u8>>>>);

impl Pool {
    pub fn take(&self) -> Vec<u8> {
        self.0.borrow_mut().pop().unwrap_or_default()
    }

    pub fn copy(&self, frame: &[u8]) -> Vec<u8> {
        let mut copy = self.take();
        copy.extend_from_slice(frame);
        copy
    }

    pub fn give_back(&self, mut frame: Vec<u8>) {
        frame.clear();
        self.0.borrow_mut().push(frame);
    }
}

/// What a device and the world share.
#[derive(Debug, Default)]
pub struct Wire {
    pub arrived: RefCell<VecDeque<Vec<u8>>>,
    pub sent: RefCell<VecDeque<Vec<u8>>>,
    /// How many more frames it can take now.
    pub room: Cell<usize>,
    /// A frame found no room.
    pub was_full: Cell<bool>,
    pub heard: Heard,
}

#[derive(Debug)]
pub struct Device {
    wire: Rc<Wire>,
    pool: Pool,
    mtu: usize,
}

impl Device {
    pub fn new(wire: Rc<Wire>, pool: Pool, mtu: usize) -> Self {
        Device { wire, pool, mtu }
    }

    fn way_out(&self) -> Option<WayOut<'_>> {
        if self.wire.room.get() == 0 {
            self.wire.was_full.set(true);
            return None;
        }
        Some(WayOut { wire: &self.wire, pool: &self.pool })
    }
}

impl phy::Device for Device {
    type RxToken<'a> = Arrived<'a>;
    type TxToken<'a> = WayOut<'a>;

    fn receive(&mut self, now: Instant) -> Option<(Arrived<'_>, WayOut<'_>)> {
        if self.wire.arrived.borrow().is_empty() {
            return None;
        }
        let out = self.way_out()?;
        let frame = self.wire.arrived.borrow_mut().pop_front()?;
        if let Some((flow, is_full)) = flow(&frame) {
            self.wire.heard.note(flow, Last { at: now, is_full });
        }
        Some((Arrived { frame, pool: &self.pool }, out))
    }

    fn transmit(&mut self, _: Instant) -> Option<WayOut<'_>> {
        self.way_out()
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = self.mtu;
        capabilities
    }
}

pub struct Arrived<'a> {
    frame: Vec<u8>,
    pool: &'a Pool,
}

impl phy::RxToken for Arrived<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        let result = read(&self.frame);
        self.pool.give_back(self.frame);
        result
    }
}

pub struct WayOut<'a> {
    wire: &'a Wire,
    pool: &'a Pool,
}

impl phy::TxToken for WayOut<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut frame = self.pool.take();
        frame.resize(len, 0);
        let result = write(&mut frame);
        self.wire.room.set(self.wire.room.get().saturating_sub(1));
        self.wire.sent.borrow_mut().push_back(frame);
        result
    }
}
