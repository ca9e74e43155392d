// must not compile: the stack owns its device; somebody else could use a borrowed one meanwhile.
// expect: the parameter type `D` may not live long enough

use sockstate::smoltcp::phy::Device;
use sockstate::{Config, Heap, Instant, Stack};

fn misuse<D: Device>(device: D, config: Config) {
    let _ = Stack::new(Heap::default(), device, || Instant::ZERO, config);
}

fn main() {}
