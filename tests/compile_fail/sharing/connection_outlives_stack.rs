// must not compile: an accepted connection is a slot of the stack, not of its listener.
// expect: cannot move out of `stack` because it is borrowed

use sockstate::device::{Plug, StdClock};
use sockstate::{Error, Stack};

fn misuse(stack: Stack<Plug, StdClock>) -> Result<(), Error> {
    let mut listener = stack.tcp()?.bind(80)?.listen(1)?;
    let (mut connection, _) = stack.block(|| listener.accept())?;
    drop(listener);
    drop(stack);
    let _ = connection.send(b"hello");
    Ok(())
}

fn main() {}
