// must not compile: the other half is the one to read from.
// expect: `WriteHalf: tcp::CanReceive`

use embedded_io::Read;
use sockstate::TcpWriter;

fn misuse(mut writer: TcpWriter<'_>) {
    let _ = writer.read(&mut [0; 8]);
}

fn main() {}
