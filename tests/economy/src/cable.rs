//! A cable between the stack under test and the far end, and the device that both stacks have.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState};
use sockstate::Instant;
use sockstate::device::AsyncDevice;
use sockstate::smoltcp::phy::{self, Device, DeviceCapabilities, Medium};

use crate::time::now;

/// The largest frame.
const MTU: usize = 1_514;

/// How long a frame is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Microseconds from one end to the other.
    pub delay: u64,
    /// Bits that go into the line each microsecond; all at once if `None`.
    pub bits: Option<u64>,
}

impl Line {
    /// What is sent is there: frames that are sent together arrive together.
    pub const SHORT: Line = Line { delay: 0, bits: None };
    /// A millisecond each way; frames that are sent together arrive together.
    pub const LONG: Line = Line { delay: 1_000, bits: None };
    /// A millisecond each way and 100 Mbit/s: frames arrive one by one.
    pub const PACED: Line = Line { delay: 1_000, bits: Some(100) };
}

/// Which end of the cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The stack under test.
    Near,
    /// The other one.
    Far,
}

#[derive(Debug, Default)]
struct Way {
    /// Each with the time of its arrival.
    frames: VecDeque<(u64, Vec<u8>)>,
    /// Until when the last frame goes into the line.
    busy_until: u64,
}

/// The cable.
#[derive(Debug)]
pub struct Cable {
    line: Line,
    to_near: Way,
    to_far: Way,
    /// Who waits for frames at the near end.
    waker: Option<Waker>,
}

impl Cable {
    /// A cable without frames.
    pub fn new(line: Line) -> Self {
        Cable { line, to_near: Way::default(), to_far: Way::default(), waker: None }
    }

    fn way_to(&mut self, end: End) -> &mut Way {
        match end {
            End::Near => &mut self.to_near,
            End::Far => &mut self.to_far,
        }
    }

    fn send(&mut self, from: End, frame: Vec<u8>) {
        let line = self.line;
        let way = self.way_to(if from == End::Near { End::Far } else { End::Near });
        let begins = way.busy_until.max(now());
        way.busy_until =
            begins + line.bits.map_or(0, |bits| (frame.len() as u64 * 8).div_ceil(bits));
        way.frames.push_back((way.busy_until + line.delay, frame));
    }

    fn take(&mut self, end: End) -> Option<Vec<u8>> {
        if !self.has_frame(end) {
            return None;
        }
        self.way_to(end).frames.pop_front().map(|(_, frame)| frame)
    }

    /// Whether a frame has arrived that was not taken yet.
    pub fn has_frame(&mut self, end: End) -> bool {
        self.way_to(end).frames.front().is_some_and(|(at, _)| *at <= now())
    }

    /// When the next frame will arrive at either end.
    pub fn next_arrival(&self) -> Option<u64> {
        let first = |way: &Way| way.frames.front().map(|(at, _)| *at);
        first(&self.to_near).into_iter().chain(first(&self.to_far)).min()
    }

    /// Wakes who waits for a frame at the near end, if one has arrived.
    pub fn wake(&mut self) {
        if self.has_frame(End::Near)
            && let Some(waker) = self.waker.take()
        {
            waker.wake();
        }
    }

    fn wait(&mut self, cx: &Context<'_>) {
        if !self.waker.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            self.waker = Some(cx.waker().clone());
        }
    }
}

/// One end of the cable, as a device.
#[derive(Clone, Debug)]
pub struct Plug {
    cable: Rc<RefCell<Cable>>,
    end: End,
}

impl Plug {
    /// One end of a cable.
    pub fn new(cable: &Rc<RefCell<Cable>>, end: End) -> Self {
        Plug { cable: Rc::clone(cable), end }
    }

    /// The hardware address of this end.
    pub fn hardware_address(&self) -> [u8; 6] {
        [2, 0, 0, 0, 0, if self.end == End::Near { 1 } else { 2 }]
    }

    fn take(&self) -> Option<(Received, Sender)> {
        let frame = self.cable.borrow_mut().take(self.end)?;
        Some((Received(frame), Sender(self.clone())))
    }
}

/// A frame that was received.
#[derive(Debug)]
pub struct Received(Vec<u8>);

/// The permission to send a frame.
#[derive(Debug)]
pub struct Sender(Plug);

impl Sender {
    fn send<R>(self, len: usize, fill: impl FnOnce(&mut [u8]) -> R) -> R {
        let mut frame = vec![0; len];
        let result = fill(&mut frame);
        self.0.cable.borrow_mut().send(self.0.end, frame);
        result
    }
}

/// For sockstate, and for the far end.
impl Device for Plug {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sender;

    fn receive(&mut self, _now: Instant) -> Option<(Received, Sender)> {
        self.take()
    }

    fn transmit(&mut self, _now: Instant) -> Option<Sender> {
        Some(Sender(self.clone()))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = MTU;
        capabilities
    }
}

impl phy::RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl phy::TxToken for Sender {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        self.send(len, f)
    }
}

impl AsyncDevice for Plug {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut cable = self.cable.borrow_mut();
        if cable.has_frame(self.end) {
            return Poll::Ready(());
        }
        // There is one thread: no frame comes between the look and this.
        cable.wait(cx);
        Poll::Pending
    }
}

/// For embassy-net.
impl Driver for Plug {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sender;

    fn receive(&mut self, cx: &mut Context<'_>) -> Option<(Received, Sender)> {
        let taken = self.take();
        if taken.is_none() {
            self.cable.borrow_mut().wait(cx);
        }
        taken
    }

    fn transmit(&mut self, _cx: &mut Context<'_>) -> Option<Sender> {
        Some(Sender(self.clone()))
    }

    fn link_state(&mut self, _cx: &mut Context<'_>) -> LinkState {
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = MTU;
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(Plug::hardware_address(self))
    }
}

impl embassy_net_driver::RxToken for Received {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(mut self, f: F) -> R {
        f(&mut self.0)
    }
}

impl embassy_net_driver::TxToken for Sender {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        self.send(len, f)
    }
}
