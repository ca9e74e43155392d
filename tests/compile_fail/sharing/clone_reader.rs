// must not compile: two readers would each miss what the other has received.
// expect: no method named `clone` found for struct `TcpSocket<'net, St, S>`

use sockstate::TcpReader;

fn misuse(reader: TcpReader<'_>) {
    let _ = reader.clone();
}

fn main() {}
