// must not compile: it receives from its peer alone, whose address is known.

use sockstate::UdpSocket;
use sockstate::state::Connected;

fn misuse(socket: &mut UdpSocket<'_, Connected>) {
    let _ = socket.receive_from(&mut [0; 16]);
}

fn main() {}
