//! Two stacks on a cable whose ends ring: whoever runs a stack sleeps until a frame is there.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::task::Wake;

use sockstate::device::{Cable, Plug};
use sockstate::smoltcp::phy::{self, DeviceCapabilities};
use sockstate::{Config, Duration, Heap, Instant, Shared, Stack};

/// Ends one sleep, that of now or the next.
#[derive(Default)]
pub struct Alarm {
    rung: Mutex<bool>,
    bell: Condvar,
    count: AtomicUsize,
}

impl Alarm {
    pub fn ring(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
        *self.rung.lock().unwrap() = true;
        self.bell.notify_all();
    }

    /// How often it was rung.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    pub fn sleep(&self, limit: Option<Duration>) {
        let mut rung = self.rung.lock().unwrap();
        rung = match limit {
            None => self.bell.wait_while(rung, |rung| !*rung).unwrap(),
            Some(limit) => {
                self.bell.wait_timeout_while(rung, limit.into(), |rung| !*rung).unwrap().0
            }
        };
        *rung = false;
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

/// A stack that threads share, and what ends the sleep of the one that runs it.
pub struct End {
    pub stack: Stack<Ringing, Standing, Shared>,
    pub alarm: Arc<Alarm>,
}

/// Two stacks on one cable, hosts 1 and 2 of 192.168.69.0/24. They live for ever, as do threads
/// that are not woken.
pub fn ends(heap: Heap, seed: u64) -> [&'static End; 2] {
    let (near, far) = Cable::ethernet().plugs();
    let alarms = [Arc::<Alarm>::default(), Arc::default()];
    let end = |plug, host: u8, own: &Arc<Alarm>, other: &Arc<Alarm>| {
        let device = Ringing { plug, far: Arc::clone(other) };
        let mut config = Config::ethernet([0x02, 0, 0, 0, 0, host], seed);
        config.idle = |_| panic!("nobody waits but by sleeping until it is woken");
        let clock: Standing = || Instant::from_secs(1_000);
        let stack = Stack::shared(heap, device, clock, config).unwrap();
        stack.add_address(format!("192.168.69.{host}/24").parse().unwrap()).unwrap();
        &*Box::leak(Box::new(End { stack, alarm: Arc::clone(own) }))
    };
    let [near_alarm, far_alarm] = &alarms;
    [end(near, 1, near_alarm, far_alarm), end(far, 2, far_alarm, near_alarm)]
}
