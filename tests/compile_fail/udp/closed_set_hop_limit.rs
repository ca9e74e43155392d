// must not compile: the option is one of a socket that can send.

use sockstate::UdpSocket;
use sockstate::state::Closed;

fn misuse(socket: &mut UdpSocket<'_, Closed>) {
    let _ = socket.set_hop_limit(None);
}

fn main() {}
