// must not compile: the halves have taken the place of the whole.

use sockstate::TcpSocket;
use sockstate::state::Connected;

fn misuse(mut socket: TcpSocket<'_, Connected>) {
    let (_reader, _writer) = socket.split();
    let _ = socket.send(b"hello");
}

fn main() {}
