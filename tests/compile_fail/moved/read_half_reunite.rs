// must not compile: the reader is part of the whole again.

use sockstate::{TcpReader, TcpWriter};

fn misuse(mut reader: TcpReader<'_>, writer: TcpWriter<'_>) {
    let _ = reader.reunite(writer);
    let _ = reader.receive(&mut [0; 16]);
}

fn main() {}
