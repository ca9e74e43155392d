// must not compile: a connection has one reader and one writer.
// expect: use of moved value: `socket`

use sockstate::TcpSocket;
use sockstate::state::Connected;

fn misuse(socket: TcpSocket<'_, Connected>) {
    let (_first_reader, _first_writer) = socket.split();
    let (_second_reader, _second_writer) = socket.split();
}

fn main() {}
