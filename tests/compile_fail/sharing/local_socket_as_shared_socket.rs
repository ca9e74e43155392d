// must not compile: a function that takes a socket of a `Shared` stack may send it to a thread.
// expect: mismatched types

use sockstate::state::Connected;
use sockstate::{Shared, TcpSocket};

fn serve_on_a_thread(_socket: TcpSocket<'_, Connected, Shared>) {}

fn misuse(socket: TcpSocket<'_, Connected>) {
    serve_on_a_thread(socket);
}

fn main() {}
