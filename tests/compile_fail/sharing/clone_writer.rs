// must not compile: what two writers send would be mixed.
// expect: no method named `clone` found for struct `TcpSocket<'net, St, S>`

use sockstate::TcpWriter;

fn misuse(writer: TcpWriter<'_>) {
    let _ = writer.clone();
}

fn main() {}
