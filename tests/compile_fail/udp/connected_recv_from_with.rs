// must not compile: it receives from its peer alone, whose address is known.

use sockstate::UdpSocket;
use sockstate::state::Connected;

fn misuse(socket: &mut UdpSocket<'_, Connected>) {
    let _ = socket.recv_from_with(|data, _| data.len());
}

fn main() {}
