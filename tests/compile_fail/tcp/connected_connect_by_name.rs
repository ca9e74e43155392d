// must not compile: it has a peer already; a second one is for another socket.

use sockstate::TcpSocket;
use sockstate::state::Connected;

fn misuse(socket: TcpSocket<'_, Connected>) {
    let _ = socket.connect_by_name("host.example", 80);
}

fn main() {}
