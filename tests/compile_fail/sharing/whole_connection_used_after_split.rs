// must not compile: the halves are all there is of the connection.
// expect: borrow of moved value: `socket`

use sockstate::state::Connected;
use sockstate::{Shared, TcpSocket};

fn misuse(mut socket: TcpSocket<'_, Connected, Shared>) {
    let (_reader, _writer) = socket.split();
    let _ = socket.send(b"a second writer");
}

fn main() {}
