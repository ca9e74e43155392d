// must not compile: a function says in which state it takes a socket.
// expect: mismatched types

use sockstate::TcpSocket;
use sockstate::state::{Bound, Connected};

fn serve(_connection: TcpSocket<'_, Connected>) {}

fn misuse(bound: TcpSocket<'_, Bound>) {
    serve(bound);
}

fn main() {}
