// must not compile: a shared stack asks its clock from any thread.
// expect: cannot be sent between threads safely

use sockstate::device::Plug;
use sockstate::testing::VirtualClock;
use sockstate::{Config, Heap, Stack};

fn misuse(device: Plug, clock: VirtualClock, config: Config) {
    let _ = Stack::shared(Heap::default(), device, clock, config);
}

fn main() {}
