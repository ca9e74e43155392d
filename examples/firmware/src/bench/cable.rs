//! A cable in memory, whose frames are handed from end to end without being copied.

use core::cell::RefCell;

use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;
use sockstate::heapless::{Deque, Vec};
use static_cell::{ConstStaticCell, StaticCell};

const MTU: usize = 1_514;
/// Frames that may be on their way in one direction.
const FRAMES: usize = 8;

#[repr(align(4))]
struct Buffer([u8; MTU]);

/// One direction.
#[derive(Default)]
struct Lane {
    free: Vec<&'static mut Buffer, FRAMES>,
    /// Each with its length.
    sent: Deque<(&'static mut Buffer, usize), FRAMES>,
    /// How many frames were sent.
    count: u32,
}

/// One end of the cable. Each has a type of its own: so no code of smoltcp's that is compiled for a
/// device serves both.
pub struct Plug<const NEAR: bool> {
    incoming: &'static RefCell<Lane>,
    outgoing: &'static RefCell<Lane>,
}

impl Plug<true> {
    /// Both ends of the one cable there is.
    ///
    /// # Panics
    ///
    /// The second time.
    pub fn pair() -> (Plug<true>, Plug<false>) {
        static BUFFERS: [ConstStaticCell<[Buffer; FRAMES]>; 2] =
            [const { ConstStaticCell::new([const { Buffer([0; MTU]) }; FRAMES]) }; 2];
        static LANES: [StaticCell<RefCell<Lane>>; 2] = [const { StaticCell::new() }; 2];
        let lane = |index: usize| -> &'static RefCell<Lane> {
            let free = BUFFERS[index].take().iter_mut().collect();
            LANES[index].init(RefCell::new(Lane { free, ..Lane::default() }))
        };
        let (one, other) = (lane(0), lane(1));
        (Plug { incoming: one, outgoing: other }, Plug { incoming: other, outgoing: one })
    }
}

impl<const NEAR: bool> Plug<NEAR> {
    /// Whether the other end has something to take.
    pub(super) fn is_heard(&self) -> bool {
        !self.outgoing.borrow().sent.is_empty()
    }

    /// How many frames have gone through.
    pub(super) fn frames(&self) -> u32 {
        self.incoming.borrow().count + self.outgoing.borrow().count
    }
}

impl<const NEAR: bool> Device for Plug<NEAR> {
    type RxToken<'a> = Received;
    type TxToken<'a> = Room;

    fn receive(&mut self, now: Instant) -> Option<(Received, Room)> {
        // The answer to a frame needs room as well.
        let room = self.transmit(now)?;
        let (buffer, len) = self.incoming.borrow_mut().sent.pop_front()?;
        Some((Received { lane: self.incoming, buffer, len }, room))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Room> {
        (!self.outgoing.borrow().free.is_empty()).then_some(Room { lane: self.outgoing })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut caps = DeviceCapabilities::default();
        caps.medium = Medium::Ethernet;
        caps.max_transmission_unit = MTU;
        caps
    }
}

pub struct Received {
    lane: &'static RefCell<Lane>,
    buffer: &'static mut Buffer,
    len: usize,
}

impl Received {
    /// As `consume`, for who may write to the frame as well.
    pub fn consume_mut<R>(self, read: impl FnOnce(&mut [u8]) -> R) -> R {
        let result = read(&mut self.buffer.0[..self.len]);
        // There is a place for each buffer.
        let _ = self.lane.borrow_mut().free.push(self.buffer);
        result
    }
}

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        self.consume_mut(|frame| read(frame))
    }
}

pub struct Room {
    lane: &'static RefCell<Lane>,
}

impl TxToken for Room {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let buffer = self.lane.borrow_mut().free.pop().expect("room, as the device has said");
        let result = write(&mut buffer.0[..len]);
        let mut lane = self.lane.borrow_mut();
        lane.count += 1;
        // There is a place for each buffer.
        let _ = lane.sent.push_back((buffer, len));
        result
    }
}
