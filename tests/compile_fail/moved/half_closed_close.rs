// must not compile: after the close nothing more can be received.

use sockstate::TcpSocket;
use sockstate::state::HalfClosed;

fn misuse(mut socket: TcpSocket<'_, HalfClosed>) {
    let _ = socket.close();
    let _ = socket.receive(&mut [0; 16]);
}

fn main() {}
