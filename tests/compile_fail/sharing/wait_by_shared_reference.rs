// must not compile: who has a waker called is who reads, and that is one.
// expect: cannot borrow `*reader` as mutable, as it is behind a `&` reference

use std::task::Waker;

use sockstate::{Ready, Shared, TcpReader};

fn misuse(reader: &TcpReader<'_, Shared>, waker: &Waker) {
    let _ = reader.wake_on(Ready::RECEIVE, waker);
}

fn main() {}
