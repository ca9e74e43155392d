//! The device of a node: a queue of frames that have arrived, and one of those that it sent.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use smoltcp::phy::{self, DeviceCapabilities, Medium};
use sockstate::Instant;

use super::flows::Flows;
use super::frame::segment;

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

    /// Gives the buffers back.
    pub fn release(&self) {
        self.0.take();
    }

    pub fn give_back(&self, mut frame: Vec<u8>) {
        frame.clear();
        self.0.borrow_mut().push(frame);
    }
}

impl Wire {
    /// Gives back what was kept of frames.
    pub fn release(&self) {
        self.arrived.take();
        self.sent.take();
        self.flows.release();
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
    pub flows: Flows,
    /// How many segments were kept from a stack that would have lost what they ended.
    pub withheld: Cell<u64>,
    /// How many probes were kept from a stream that they would have damaged.
    pub probes_withheld: Cell<u64>,
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

    fn way_out(&self, now: Instant) -> Option<WayOut<'_>> {
        if self.wire.room.get() == 0 {
            self.wire.was_full.set(true);
            return None;
        }
        Some(WayOut { wire: &self.wire, pool: &self.pool, now })
    }

    /// The next frame that has arrived, but for those that are withheld.
    fn next_frame(&self, now: Instant) -> Option<Vec<u8>> {
        loop {
            let frame = self.wire.arrived.borrow_mut().pop_front()?;
            let Some(segment) = segment(&frame, false) else { return Some(frame) };
            if self.wire.flows.is_end_beyond_window(&segment) {
                self.wire.withheld.set(self.wire.withheld.get() + 1);
                self.pool.give_back(frame);
                continue;
            }
            self.wire.flows.note_heard(&segment, now);
            return Some(frame);
        }
    }
}

impl phy::Device for Device {
    type RxToken<'a> = Arrived<'a>;
    type TxToken<'a> = WayOut<'a>;

    fn receive(&mut self, now: Instant) -> Option<(Arrived<'_>, WayOut<'_>)> {
        if self.wire.arrived.borrow().is_empty() {
            return None;
        }
        self.way_out(now)?;
        let frame = self.next_frame(now)?;
        Some((Arrived { frame, pool: &self.pool }, self.way_out(now)?))
    }

    fn transmit(&mut self, now: Instant) -> Option<WayOut<'_>> {
        self.way_out(now)
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
    now: Instant,
}

impl phy::TxToken for WayOut<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut frame = self.pool.take();
        frame.resize(len, 0);
        let result = write(&mut frame);
        self.wire.room.set(self.wire.room.get().saturating_sub(1));
        if let Some(segment) = segment(&frame, true) {
            if self.wire.flows.is_probe_within_stream(&segment) {
                self.wire.probes_withheld.set(self.wire.probes_withheld.get() + 1);
                self.pool.give_back(frame);
                return result;
            }
            self.wire.flows.note_sent(&segment, self.now);
        }
        self.wire.sent.borrow_mut().push_back(frame);
        result
    }
}
