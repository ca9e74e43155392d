// must not compile: only a socket whose state is known at run time can be tried.
// expect: the trait bound `TcpSocket<'_, sockstate::state::Connected>: From<TcpSocket<'_, sockstate::state::Bound>>` is not satisfied

use sockstate::TcpSocket;
use sockstate::state::{Bound, Connected};

fn misuse(bound: TcpSocket<'_, Bound>) {
    let _ = TcpSocket::<Connected>::try_from(bound);
}

fn main() {}
