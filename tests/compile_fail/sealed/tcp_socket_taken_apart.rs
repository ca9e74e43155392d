// must not compile: without its handle a socket would never be given back.
// expect: field `handle` of struct `TcpSocket` is private

use sockstate::TcpSocket;
use sockstate::state::Connected;

fn misuse(socket: TcpSocket<'_, Connected>) {
    let TcpSocket { handle: _, .. } = socket;
}

fn main() {}
