// must not compile: the writer is part of the whole again.

use sockstate::{TcpReader, TcpWriter};

fn misuse(reader: TcpReader<'_>, mut writer: TcpWriter<'_>) {
    let _ = reader.reunite(writer);
    let _ = writer.send(b"hello");
}

fn main() {}
