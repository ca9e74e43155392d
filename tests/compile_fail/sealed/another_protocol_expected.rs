// must not compile: a connected UDP socket is no connection.
// expect: mismatched types

use sockstate::state::Connected;
use sockstate::{TcpSocket, UdpSocket};

fn serve(_connection: TcpSocket<'_, Connected>) {}

fn misuse(socket: UdpSocket<'_, Connected>) {
    serve(socket);
}

fn main() {}
