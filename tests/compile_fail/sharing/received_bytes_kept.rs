// must not compile: the bytes are the buffer's, which goes on to other bytes.
// expect: lifetime may not live long enough

use sockstate::TcpSocket;
use sockstate::state::Connected;

fn misuse(socket: &mut TcpSocket<'_, Connected>) {
    let _ = socket.recv_with(|data| (data.len(), &data[..]));
}

fn main() {}
