//! A device in memory.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use sockstate::Instant;
use sockstate::smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};

#[derive(Clone, Default)]
pub struct Wire(pub Rc<RefCell<Frames>>);

#[derive(Default)]
pub struct Frames {
    pub received: VecDeque<Vec<u8>>,
    pub sent: Vec<Vec<u8>>,
    /// How many more it takes.
    pub room: usize,
}

// SAFETY: the tests have one thread each.
unsafe impl Send for Wire {}

impl Wire {
    pub fn with_room(room: usize) -> Self {
        let wire = Wire::default();
        wire.0.borrow_mut().room = room;
        wire
    }
}

impl Device for Wire {
    type RxToken<'a> = Frame;
    type TxToken<'a> = Room;

    fn receive(&mut self, now: Instant) -> Option<(Frame, Room)> {
        let room = self.transmit(now)?;
        Some((Frame(self.0.borrow_mut().received.pop_front()?), room))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Room> {
        (self.0.borrow().room > 0).then(|| Room(self.clone()))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut caps = DeviceCapabilities::default();
        caps.medium = Medium::Ip;
        caps.max_transmission_unit = 1_500;
        caps
    }
}

pub struct Frame(Vec<u8>);

impl RxToken for Frame {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(&self.0)
    }
}

pub struct Room(Wire);

impl TxToken for Room {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut frame = vec![0; len];
        let result = write(&mut frame);
        let mut frames = self.0.0.borrow_mut();
        frames.room -= 1;
        frames.sent.push(frame);
        result
    }
}
