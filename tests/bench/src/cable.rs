//! A cable in memory. Its frames are allocated once, and handed from end to end without being copied.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::time::Instant;

/// The largest frame.
pub const MTU: usize = 1_514;
/// Frames that can be on their way in one direction.
const FRAMES: usize = 4_096;

type Buffer = Box<[u8; MTU]>;

/// One direction.
struct Lane {
    free: RefCell<Vec<Buffer>>,
    /// Each with its length.
    sent: RefCell<VecDeque<(Buffer, usize)>>,
    /// How many frames were sent.
    count: Cell<u64>,
    /// One frame of so many is lost, if not zero.
    loses_one_of: Cell<u32>,
    /// Decides which.
    dice: Cell<u32>,
}

impl Lane {
    /// It stays, as what is on it is handed around without its lifetime.
    fn leaked() -> &'static Lane {
        Box::leak(Box::new(Lane {
            free: RefCell::new((0..FRAMES).map(|_| Box::new([0; MTU])).collect()),
            sent: RefCell::new(VecDeque::with_capacity(FRAMES)),
            count: Cell::new(0),
            loses_one_of: Cell::new(0),
            dice: Cell::new(0x2545_f491),
        }))
    }

    fn loses(&self) -> bool {
        let one_of = self.loses_one_of.get();
        if one_of == 0 {
            return false;
        }
        // Xorshift.
        let mut dice = self.dice.get();
        dice ^= dice << 13;
        dice ^= dice >> 17;
        dice ^= dice << 5;
        self.dice.set(dice);
        dice.is_multiple_of(one_of)
    }
}

/// One end of the cable.
#[derive(Clone, Copy)]
pub struct Plug {
    incoming: &'static Lane,
    outgoing: &'static Lane,
}

/// Both ends of a cable.
pub fn cable() -> (Plug, Plug) {
    let (one, other) = (Lane::leaked(), Lane::leaked());
    let plug = |incoming, outgoing| Plug { incoming, outgoing };
    (plug(one, other), plug(other, one))
}

impl Plug {
    /// Takes the next frame, if there is room for an answer.
    pub fn take(&self) -> Option<Frame> {
        self.room()?;
        let (buffer, len) = self.incoming.sent.borrow_mut().pop_front()?;
        Some(Frame { lane: self.incoming, buffer, len })
    }

    /// Room for one frame.
    pub fn room(&self) -> Option<Room> {
        (!self.outgoing.free.borrow().is_empty()).then_some(Room { lane: self.outgoing })
    }

    /// Whether a frame waits to be taken.
    pub fn has_frame(&self) -> bool {
        !self.incoming.sent.borrow().is_empty()
    }

    /// How many frames were sent in both directions.
    pub fn frames(&self) -> u64 {
        self.incoming.count.get() + self.outgoing.count.get()
    }

    /// Loses one frame of so many from now on.
    pub fn lose_one_of(&self, one_of: u32) {
        self.incoming.loses_one_of.set(one_of);
        self.outgoing.loses_one_of.set(one_of);
    }
}

/// A frame that was taken.
pub struct Frame {
    lane: &'static Lane,
    buffer: Buffer,
    len: usize,
}

impl Frame {
    /// Reads it.
    pub fn read<R>(mut self, read: impl FnOnce(&mut [u8]) -> R) -> R {
        let result = read(&mut self.buffer[..self.len]);
        self.lane.free.borrow_mut().push(self.buffer);
        result
    }
}

/// Room for a frame.
pub struct Room {
    lane: &'static Lane,
}

impl Room {
    /// Sends a frame of `len` bytes.
    pub fn write<R>(self, len: usize, write: impl FnOnce(&mut [u8]) -> R) -> R {
        let mut buffer = self.lane.free.borrow_mut().pop().expect("room, as the device has said");
        let result = write(&mut buffer[..len]);
        self.lane.count.set(self.lane.count.get() + 1);
        if self.lane.loses() {
            self.lane.free.borrow_mut().push(buffer);
        } else {
            self.lane.sent.borrow_mut().push_back((buffer, len));
        }
        result
    }
}

/// For bare smoltcp and for sockstate.
impl Device for Plug {
    type RxToken<'a> = Frame;
    type TxToken<'a> = Room;

    fn receive(&mut self, _now: Instant) -> Option<(Frame, Room)> {
        Some((self.take()?, Room { lane: self.outgoing }))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Room> {
        self.room()
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut caps = DeviceCapabilities::default();
        caps.medium = Medium::Ethernet;
        caps.max_transmission_unit = MTU;
        caps
    }
}

impl phy::RxToken for Frame {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        self.read(|frame| read(frame))
    }
}

impl phy::TxToken for Room {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        self.write(len, write)
    }
}
