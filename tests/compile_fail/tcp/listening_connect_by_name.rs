// must not compile: a listener waits for peers; asking one is for another socket.

use sockstate::TcpSocket;
use sockstate::state::Listening;

fn misuse(socket: TcpSocket<'_, Listening>) {
    let _ = socket.connect_by_name("host.example", 80);
}

fn main() {}
