// must not compile: two sockets on one slot could be in two states.
// expect: no method named `clone` found for struct `TcpSocket<'net, St, S>`

use sockstate::TcpSocket;
use sockstate::state::Bound;

fn misuse(socket: TcpSocket<'_, Bound>) {
    let _ = socket.clone();
}

fn main() {}
