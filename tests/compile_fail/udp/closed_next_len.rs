// must not compile: without a port nothing can arrive.

use sockstate::UdpSocket;
use sockstate::state::Closed;

fn misuse(socket: &UdpSocket<'_, Closed>) {
    let _ = socket.next_len();
}

fn main() {}
