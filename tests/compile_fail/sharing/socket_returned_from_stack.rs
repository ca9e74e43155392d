// must not compile: the stack ends with the function that made it.
// expect: cannot return value referencing function parameter `stack`

use sockstate::device::{Plug, StdClock};
use sockstate::state::Closed;
use sockstate::{Error, Stack, TcpSocket};

fn misuse<'net>(stack: Stack<Plug, StdClock>) -> Result<TcpSocket<'net, Closed>, Error> {
    stack.tcp()
}

fn main() {}
