// must not compile: binding can fail, and a socket that it failed for is not bound.
// expect: mismatched types

use sockstate::TcpSocket;
use sockstate::state::{Bound, Closed};

fn misuse<'net>(closed: TcpSocket<'net, Closed>) -> TcpSocket<'net, Bound> {
    closed.bind(80)
}

fn main() {}
