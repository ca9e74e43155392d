// must not compile: the stack stays where it is while a socket borrows it.
// expect: cannot move out of `stack` because it is borrowed

use sockstate::device::{Plug, StdClock};
use sockstate::{Error, Stack};

fn misuse(stack: Stack<Plug, StdClock>) -> Result<(), Error> {
    let socket = stack.udp()?.bind(7)?;
    let _elsewhere = Box::new(stack);
    drop(socket);
    Ok(())
}

fn main() {}
