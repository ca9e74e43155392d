// must not compile: two sockets on one slot could be in two states.
// expect: the trait `Copy` is not implemented for `sockstate::UdpSocket<'_, sockstate::state::Bound>`

use sockstate::UdpSocket;
use sockstate::state::Bound;

fn twice<T: Copy>(value: T) -> (T, T) {
    (value, value)
}

fn misuse(socket: UdpSocket<'_, Bound>) {
    let _ = twice(socket);
}

fn main() {}
