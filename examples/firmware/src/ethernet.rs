//! A driver for smoltcp around whatever moves single frames: one buffer for each direction.

use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;

/// Bytes of the largest frame: header and payload, and the frame check sequence that some
/// controllers hand over as well.
const FRAME: usize = 1514 + 4;
const WORDS: usize = FRAME.div_ceil(4);

/// Sends and receives single frames. Buffers are words, as the FIFOs of small controllers are.
pub trait Controller {
    /// How many frames the controller itself can hold until somebody takes them.
    const MOST_FRAMES: usize;

    /// Takes the next frame, if there is one, and says how many bytes it has.
    fn receive(&mut self, buffer: &mut [u32]) -> Option<usize>;

    /// Whether the controller takes one more frame of any size.
    fn has_room(&mut self) -> bool;

    /// Sends the first `len` bytes of these words.
    fn send(&mut self, frame: &[u32], len: usize);
}

/// A frame, aligned for the FIFOs and for smoltcp.
struct Buffer([u32; WORDS]);

impl Buffer {
    fn bytes(&mut self, len: usize) -> &mut [u8] {
        // SAFETY: words may be looked at as bytes, four for each.
        let bytes =
            unsafe { core::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), 4 * WORDS) };
        &mut bytes[..len.min(4 * WORDS)]
    }
}

/// The memory of a [`Driver`], for a `static`.
pub struct Buffers {
    receive: Buffer,
    transmit: Buffer,
}

impl Buffers {
    pub const fn new() -> Self {
        Buffers { receive: Buffer([0; WORDS]), transmit: Buffer([0; WORDS]) }
    }
}

pub struct Driver<C> {
    pub(crate) controller: C,
    buffers: &'static mut Buffers,
}

impl<C: Controller> Driver<C> {
    pub fn new(controller: C, buffers: &'static mut Buffers) -> Self {
        Driver { controller, buffers }
    }
}

impl<C: Controller> Device for Driver<C> {
    type RxToken<'a>
        = Received<'a>
    where
        C: 'a;
    type TxToken<'a>
        = Room<'a, C>
    where
        C: 'a;

    fn receive(&mut self, _now: Instant) -> Option<(Received<'_>, Room<'_, C>)> {
        // The answer to a frame needs room as well.
        if !self.controller.has_room() {
            return None;
        }
        let Buffers { receive, transmit } = &mut *self.buffers;
        let len = self.controller.receive(&mut receive.0)?;
        let room = Room { controller: &mut self.controller, buffer: transmit };
        Some((Received(receive.bytes(len)), room))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Room<'_, C>> {
        self.controller.has_room().then_some(Room {
            controller: &mut self.controller,
            buffer: &mut self.buffers.transmit,
        })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut caps = DeviceCapabilities::default();
        caps.medium = Medium::Ethernet;
        caps.max_transmission_unit = 1514;
        caps.max_burst_size = Some(C::MOST_FRAMES);
        // Where the hardware computes or verifies checksums, `caps.checksum` says so.
        caps
    }
}

pub struct Received<'a>(pub &'a mut [u8]);

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(self.0)
    }
}

pub struct Room<'a, C> {
    controller: &'a mut C,
    buffer: &'a mut Buffer,
}

impl<C: Controller> TxToken for Room<'_, C> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let result = write(self.buffer.bytes(len));
        self.controller.send(&self.buffer.0[..len.min(4 * WORDS).div_ceil(4)], len);
        result
    }
}
