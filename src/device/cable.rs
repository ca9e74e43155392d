//! A cable between two stacks in one process.

#[cfg(feature = "async")]
use core::task::{Context, Poll, Waker};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::vec;
use std::vec::Vec;

use smoltcp::phy::{self, DeviceCapabilities, Medium};
use smoltcp::time::{Duration, Instant};

use crate::stack::Rng;

/// What goes wrong on a cable, each with its probability from 0 to 1, and how long a frame is on
/// its way.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Faults {
    /// The frame is lost.
    pub loss: f64,
    /// The frame arrives twice.
    pub duplication: f64,
    /// The frame arrives before the one sent before it.
    pub reordering: f64,
    /// One bit of the frame is flipped.
    pub corruption: f64,
    /// How long every frame is on its way.
    pub delay: Duration,
}

/// A cable between two stacks in one process.
///
/// Without faults, a frame can be received as soon as it was sent. With faults, what happens to
/// which frame follows from the seed, so that it happens again.
///
/// ```
/// use sockstate::{Duration, device::{Cable, Faults}};
///
/// let faults = Faults { loss: 0.05, delay: Duration::from_millis(20), ..Faults::default() };
/// let cable = Cable::ethernet().with_faults(faults, 42);
/// let (near, far) = cable.plugs();
/// ```
#[derive(Clone, Debug)]
pub struct Cable {
    medium: Medium,
    mtu: usize,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    faults: Faults,
    rng: Rng,
    cut: bool,
    /// How many frames fit into each direction.
    capacity: usize,
    /// The frames on their way to either end, with the time of their arrival.
    ways: [VecDeque<(Instant, Vec<u8>)>; 2],
    /// Who waits for the frames of each end.
    #[cfg(feature = "async")]
    wakers: [Option<Waker>; 2],
}

impl Cable {
    /// A cable for Ethernet frames of up to 1,514 bytes.
    #[cfg(feature = "medium-ethernet")]
    pub fn ethernet() -> Self {
        Cable::new(Medium::Ethernet, 1_514)
    }

    /// A cable for IP packets of up to 1,500 bytes.
    #[cfg(feature = "medium-ip")]
    pub fn ip() -> Self {
        Cable::new(Medium::Ip, 1_500)
    }

    fn new(medium: Medium, mtu: usize) -> Self {
        let state = State {
            faults: Faults::default(),
            rng: Rng::new(0),
            cut: false,
            capacity: 1_024,
            ways: [VecDeque::new(), VecDeque::new()],
            #[cfg(feature = "async")]
            wakers: [None, None],
        };
        Cable { medium, mtu, state: Arc::new(Mutex::new(state)) }
    }

    /// The same cable, for frames of up to `mtu` bytes.
    pub fn with_mtu(self, mtu: usize) -> Self {
        Cable { mtu, ..self }
    }

    /// The same cable, which holds up to `frames` frames in each direction; a device has no room
    /// for more. A stack takes no frame that it could not answer: if both directions are full,
    /// nothing moves any more by itself.
    pub fn with_capacity(self, frames: usize) -> Self {
        self.lock().capacity = frames;
        self
    }

    /// The same cable, on which things go wrong, as the seed decides.
    pub fn with_faults(self, faults: Faults, seed: u64) -> Self {
        self.set_faults(faults);
        self.lock().rng = Rng::new(seed);
        self
    }

    /// Changes what goes wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.lock().faults = faults;
    }

    /// Cuts the cable: every frame is lost until it is mended.
    pub fn cut(&self) {
        self.lock().cut = true;
    }

    /// Mends the cable.
    pub fn mend(&self) {
        self.lock().cut = false;
    }

    /// The two ends.
    pub fn plugs(&self) -> (Plug, Plug) {
        let plug = |end| Plug { cable: self.clone(), end };
        (plug(0), plug(1))
    }

    /// When the next frame arrives at either end.
    pub fn next_arrival(&self) -> Option<Instant> {
        let state = self.lock();
        state.ways.iter().filter_map(|way| way.front()).map(|(at, _)| *at).min()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves nothing half done in here.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn send(&mut self, end: usize, now: Instant, mut frame: Vec<u8>) {
        let faults = self.faults;
        if self.cut || self.happens(faults.loss) {
            return;
        }
        if self.happens(faults.corruption) && !frame.is_empty() {
            let bit = self.rng.next() as usize % (frame.len() * 8);
            if let Some(byte) = frame.get_mut(bit / 8) {
                *byte ^= 1 << (bit % 8);
            }
        }
        let copies = if self.happens(faults.duplication) { 2 } else { 1 };
        let overtakes = self.happens(faults.reordering);
        let Some(way) = self.ways.get_mut(1 - end) else { return };
        for _ in 0..copies {
            let mut place = way.len();
            let mut at = now + faults.delay;
            if overtakes && let Some((before, _)) = way.back() {
                at = at.min(*before);
                place -= 1;
            }
            way.insert(place, (at, frame.clone()));
        }
        #[cfg(feature = "async")]
        if let Some(waker) = self.wakers.get_mut(1 - end).and_then(Option::take) {
            waker.wake();
        }
    }

    fn happens(&mut self, probability: f64) -> bool {
        // No number is drawn for what cannot happen: the seed then means the same without it.
        probability > 0.0 && (self.rng.next() >> 11) as f64 / (1u64 << 53) as f64 <= probability
    }
}

/// One end of a [`Cable`]: a device.
#[derive(Clone, Debug)]
pub struct Plug {
    cable: Cable,
    end: usize,
}

impl Plug {
    /// The two ends of an Ethernet cable without faults.
    #[cfg(feature = "medium-ethernet")]
    pub fn pair() -> (Plug, Plug) {
        Cable::ethernet().plugs()
    }

    /// Sends a frame by hand.
    pub fn inject(&mut self, now: Instant, frame: &[u8]) {
        self.cable.lock().send(self.end, now, frame.to_vec());
    }

    /// Receives a frame by hand.
    pub fn take(&mut self, now: Instant) -> Option<Vec<u8>> {
        let mut state = self.cable.lock();
        let way = state.ways.get_mut(self.end)?;
        if way.front()?.0 > now {
            return None;
        }
        way.pop_front().map(|(_, frame)| frame)
    }

    fn has_room(&self) -> bool {
        let state = self.cable.lock();
        state.ways.get(1 - self.end).is_some_and(|way| way.len() < state.capacity)
    }
}

/// A frame that the cable delays is announced when it is sent, and can be received later: whoever
/// waits for it with a real clock asks again and again meanwhile.
#[cfg(feature = "async")]
impl super::AsyncDevice for Plug {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.cable.lock();
        if state.ways.get(self.end).is_some_and(|way| !way.is_empty()) {
            return Poll::Ready(());
        }
        if let Some(waker) = state.wakers.get_mut(self.end) {
            *waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl phy::Device for Plug {
    type RxToken<'a> = RxToken;
    type TxToken<'a> = TxToken<'a>;

    fn receive(&mut self, now: Instant) -> Option<(RxToken, TxToken<'_>)> {
        if !self.has_room() {
            return None;
        }
        let frame = self.take(now)?;
        Some((RxToken { frame }, TxToken { plug: self, now }))
    }

    fn transmit(&mut self, now: Instant) -> Option<TxToken<'_>> {
        self.has_room().then_some(TxToken { plug: self, now })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut caps = DeviceCapabilities::default();
        caps.medium = self.cable.medium;
        caps.max_transmission_unit = self.cable.mtu;
        caps
    }
}

#[derive(Debug)]
pub struct RxToken {
    frame: Vec<u8>,
}

impl phy::RxToken for RxToken {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.frame)
    }
}

#[derive(Debug)]
pub struct TxToken<'a> {
    plug: &'a mut Plug,
    now: Instant,
}

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        self.plug.inject(self.now, &frame);
        result
    }
}
