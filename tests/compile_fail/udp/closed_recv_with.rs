// must not compile: without a port nothing can arrive.

use sockstate::UdpSocket;
use sockstate::state::Closed;

fn misuse(socket: &mut UdpSocket<'_, Closed>) {
    let _ = socket.recv_with(|data| data.len());
}

fn main() {}
