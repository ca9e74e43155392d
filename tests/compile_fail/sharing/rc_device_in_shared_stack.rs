// must not compile: a shared stack works on its device from any thread.
// expect: cannot be sent between threads safely

use std::rc::Rc;

use sockstate::smoltcp::phy::{Device, DeviceCapabilities, Loopback};
use sockstate::{Config, Heap, Instant, Stack};

/// A device that counts in a counter of one thread.
struct Counting {
    inner: Loopback,
    frames: Rc<u32>,
}

impl Device for Counting {
    type RxToken<'a> = <Loopback as Device>::RxToken<'a>;
    type TxToken<'a> = <Loopback as Device>::TxToken<'a>;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        self.inner.receive(now)
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        self.inner.transmit(now)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.inner.capabilities()
    }
}

fn misuse(device: Counting, clock: fn() -> Instant, config: Config) {
    let _ = Stack::shared(Heap::default(), device, clock, config);
}

fn main() {}
