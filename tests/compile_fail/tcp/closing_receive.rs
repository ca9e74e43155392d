// must not compile: after `close` the application has said that it wants nothing more.

use sockstate::TcpSocket;
use sockstate::state::Closing;

fn misuse(socket: &mut TcpSocket<'_, Closing>) {
    let _ = socket.receive(&mut [0; 16]);
}

fn main() {}
