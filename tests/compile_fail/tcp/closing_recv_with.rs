// must not compile: after `close` the application has said that it wants nothing more.

use sockstate::TcpSocket;
use sockstate::state::Closing;

fn misuse(socket: &mut TcpSocket<'_, Closing>) {
    let _ = socket.recv_with(|data| (data.len(), ()));
}

fn main() {}
