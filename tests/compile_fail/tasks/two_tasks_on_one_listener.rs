// must not compile: accepting changes the listener; one task accepts, and hands the connections out.
// expect: cannot borrow `listener` as mutable more than once at a time

use sockstate::TcpSocket;
use sockstate::state::Listening;

fn at_once(_one: impl Future, _other: impl Future) {}

fn misuse(mut listener: TcpSocket<'_, Listening>) {
    at_once(listener.accept_async(), listener.accept_async());
}

fn main() {}
