//! Runners of devices that give no rest, or take nothing.

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use sockstate::device::AsyncDevice;
use sockstate::smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use sockstate::{Config, Instant, Stack};

use super::common::drive::Bell;
use super::common::{far, slots};

/// A device that has a frame for every second question, for ever, and room for none or for all.
struct Restless {
    asked: Rc<Cell<u32>>,
    has_frames: bool,
    has_room: bool,
}

struct Token;

impl phy::RxToken for Token {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&[0xff; 60])
    }
}

impl phy::TxToken for Token {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        f(&mut vec![0; len])
    }
}

impl Device for Restless {
    type RxToken<'a> = Token;
    type TxToken<'a> = Token;

    fn receive(&mut self, _: Instant) -> Option<(Token, Token)> {
        self.asked.set(self.asked.get() + 1);
        let comes = self.has_frames && self.asked.get() % 2 == 1 && self.asked.get() < 100_000;
        comes.then_some((Token, Token))
    }

    fn transmit(&mut self, _: Instant) -> Option<Token> {
        self.has_room.then_some(Token)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut caps = DeviceCapabilities::default();
        caps.medium = Medium::Ethernet;
        caps.max_transmission_unit = 1_514;
        caps
    }
}

impl AsyncDevice for Restless {
    fn poll_frame(&mut self, _: &mut Context<'_>) -> Poll<()> {
        if self.has_frames { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// A timer that nobody lets ring.
struct Never;

impl embedded_hal_async::delay::DelayNs for Never {
    async fn delay_ns(&mut self, _: u32) {
        core::future::pending().await
    }
}

fn stack(device: Restless) -> Stack<Restless, fn() -> Instant> {
    let config = Config::ethernet([0x02, 0, 0, 0, 0, 1], 1);
    let clock: fn() -> Instant = || Instant::ZERO;
    let stack = Stack::new(slots(1, 1), device, clock, config).unwrap();
    stack.add_address("192.168.69.1/24".parse().unwrap()).unwrap();
    stack
}

#[test]
fn a_flood_of_frames_leaves_others_their_turn() {
    let asked = Rc::<Cell<u32>>::default();
    let stack = stack(Restless { asked: asked.clone(), has_frames: true, has_room: true });
    let mut runs = pin!(stack.run_with(Never));
    let (bell, waker) = Bell::new();
    assert!(runs.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    assert_eq!(bell.rang(), 1);
    assert!(asked.get() < 200, "{} questions in one poll", asked.get());
}

#[test]
fn a_device_without_room_is_asked_again_later() {
    let asked = Rc::<Cell<u32>>::default();
    let stack = stack(Restless { asked, has_frames: false, has_room: false });
    let mut socket = stack.udp().unwrap().bind(7).unwrap();
    socket.send_to(b"hello", far(7)).unwrap();
    let mut runs = pin!(stack.run_with(Never));
    let (bell, waker) = Bell::new();
    for _ in 0..3 {
        assert!(runs.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        assert_eq!(bell.rang(), 0);
    }
}
