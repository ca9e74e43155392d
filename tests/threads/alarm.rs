//! Two stacks on a cable whose ends ring: whoever runs a stack sleeps until a frame is there. Time
//! stands still for both.

use std::mem;
use std::sync::{Arc, Condvar, Mutex};
use std::task::Wake;
use std::thread;

use sockstate::device::{Cable, Plug};
use sockstate::smoltcp::phy::{self, DeviceCapabilities};
use sockstate::state::State;
use sockstate::state::tcp::HasPeer;
use sockstate::{Config, Heap, Instant, Shared, Stack, TcpSocket};

/// Ends one sleep, that of now or the next.
#[derive(Default)]
pub struct Alarm {
    rung: Mutex<bool>,
    bell: Condvar,
}

impl Alarm {
    pub fn ring(&self) {
        *self.rung.lock().unwrap() = true;
        self.bell.notify_all();
    }

    /// Sleeps until it rings.
    pub fn sleep(&self) {
        let rung = self.rung.lock().unwrap();
        *self.bell.wait_while(rung, |rung| !*rung).unwrap() = false;
    }

    /// Whether it rang since the last sleep, which is then over.
    pub fn take(&self) -> bool {
        mem::take(&mut *self.rung.lock().unwrap())
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.ring();
    }
}

/// One end of a cable, which rings at the other end for every frame it sends.
pub struct Ringing {
    plug: Plug,
    far: Arc<Alarm>,
}

impl phy::Device for Ringing {
    type RxToken<'a> = <Plug as phy::Device>::RxToken<'a>;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Sending<'_>)> {
        let (rx, tx) = self.plug.receive(now)?;
        Some((rx, Sending { tx, far: &self.far }))
    }

    fn transmit(&mut self, now: Instant) -> Option<Sending<'_>> {
        Some(Sending { tx: self.plug.transmit(now)?, far: &self.far })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.plug.capabilities()
    }
}

pub struct Sending<'a> {
    tx: <Plug as phy::Device>::TxToken<'a>,
    far: &'a Alarm,
}

impl phy::TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let result = self.tx.consume(len, f);
        self.far.ring();
        result
    }
}

/// Time stands still, so that nothing is ever mended by a time limit: who is not woken sleeps on.
pub type Standing = fn() -> Instant;

/// A stack that is shared, and what rings when a frame has come for it, or whoever runs it is to
/// wake up.
pub struct End {
    pub stack: Stack<Ringing, Standing, Shared>,
    pub alarm: Arc<Alarm>,
}

/// Two stacks on one cable, hosts 1 and 2 of 192.168.69.0/24.
pub fn ends([near_heap, far_heap]: [Heap; 2], seed: u64) -> [End; 2] {
    let (near, far) = Cable::ethernet().plugs();
    let (near_alarm, far_alarm) = (Arc::<Alarm>::default(), Arc::<Alarm>::default());
    let end = |heap, plug, host: u8, own: &Arc<Alarm>, other: &Arc<Alarm>| {
        let device = Ringing { plug, far: Arc::clone(other) };
        let mut config = Config::ethernet([0x02, 0, 0, 0, 0, host], seed);
        config.idle = |_| panic!("nobody waits but by sleeping until it is woken");
        let clock: Standing = || Instant::from_secs(1_000);
        let stack = Stack::shared(heap, device, clock, config).unwrap();
        stack.add_address(format!("192.168.69.{host}/24").parse().unwrap()).unwrap();
        End { stack, alarm: Arc::clone(own) }
    };
    [
        end(near_heap, near, 1, &near_alarm, &far_alarm),
        end(far_heap, far, 2, &far_alarm, &near_alarm),
    ]
}

/// Random numbers of a seed (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// Lets others go first, now and then.
    pub fn dawdle(&mut self) {
        for _ in 0..self.below(4).saturating_sub(2) {
            thread::yield_now();
        }
    }
}

/// Without what only time would bring.
pub fn at_once<St: State + HasPeer>(
    mut socket: TcpSocket<'static, St, Shared>,
) -> TcpSocket<'static, St, Shared> {
    socket.set_ack_delay(None).unwrap();
    socket.set_nagle(false).unwrap();
    socket
}
