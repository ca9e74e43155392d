// must not compile: a socket is a slot of its stack.
// expect: `stack` does not live long enough

use sockstate::device::{Plug, StdClock};
use sockstate::{Config, Error, Heap, Stack};

fn misuse(device: Plug, clock: StdClock, config: Config) -> Result<(), Error> {
    let socket = {
        let stack = Stack::new(Heap::default(), device, clock, config)?;
        stack.tcp()?
    };
    drop(socket);
    Ok(())
}

fn main() {}
