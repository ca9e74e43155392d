// must not compile: the handle says which slot is whose.
// expect: field `handle` of struct `TcpSocket` is private

use sockstate::TcpSocket;
use sockstate::state::Connected;

fn misuse(socket: &TcpSocket<'_, Connected>) {
    let _ = &socket.handle;
}

fn main() {}
