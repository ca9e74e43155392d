// must not compile: nothing was asked that there could be an answer to.

use sockstate::UdpSocket;
use sockstate::state::Closed;

fn misuse(socket: UdpSocket<'_, Closed>) {
    let _ = socket.wait();
}

fn main() {}
