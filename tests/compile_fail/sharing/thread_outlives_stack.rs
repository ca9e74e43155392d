// must not compile: the thread may go on when the stack is gone; `thread::scope` waits for it.
// expect: `stack` does not live long enough

use std::thread;

use sockstate::device::{Plug, StdClock};
use sockstate::{Config, Error, Heap, Stack};

fn misuse(device: Plug, clock: StdClock, config: Config) -> Result<(), Error> {
    let stack = Stack::shared(Heap::default(), device, clock, config)?;
    let mut socket = stack.udp()?.bind(7)?;
    thread::spawn(move || {
        let _ = socket.receive_from(&mut [0; 16]);
    });
    Ok(())
}

fn main() {}
