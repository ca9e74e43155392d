// must not compile: it cannot have sent anything.

use sockstate::UdpSocket;
use sockstate::state::Closed;

fn misuse(socket: &mut UdpSocket<'_, Closed>) {
    let _ = socket.flush();
}

fn main() {}
