// must not compile: no conversion connects a socket.
// expect: the trait bound `TcpSocket<'_, sockstate::state::Connected>: From<TcpSocket<'_, sockstate::state::Bound>>` is not satisfied

use sockstate::TcpSocket;
use sockstate::state::{Bound, Connected};

fn misuse<'net>(bound: TcpSocket<'net, Bound>) -> TcpSocket<'net, Connected> {
    bound.into()
}

fn main() {}
