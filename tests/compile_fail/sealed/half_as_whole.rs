// must not compile: half a connection is not a connection.
// expect: mismatched types

use sockstate::state::Connected;
use sockstate::{TcpReader, TcpSocket};

fn serve(_connection: TcpSocket<'_, Connected>) {}

fn misuse(reader: TcpReader<'_>) {
    serve(reader);
}

fn main() {}
