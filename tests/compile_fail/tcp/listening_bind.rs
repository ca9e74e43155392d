// must not compile: peers find the listener at its port; moving it would lose their requests.

use sockstate::TcpSocket;
use sockstate::state::Listening;

fn misuse(socket: TcpSocket<'_, Listening>) {
    let _ = socket.bind(80);
}

fn main() {}
