//! Asks an NTP server for the time: sntpc.
//!
//! ```sh
//! cargo run -p sockstate-clients --example ntp -- --tap tap0 --remote 192.168.69.2:123
//! ```

use sntpc::{NtpContext, StdTimestampGen};
use sockstate::Net;
use sockstate_clients::ntp::NtpSocket;
use sockstate_clients::{HostClock, Options, Outcome, failure, pause};

fn main() -> Outcome {
    Options::from_args("asks an NTP server for the time: sntpc on sockstate", 123, &[]).run(client)
}

fn client(options: &Options, net: &Net) -> Outcome {
    let server = options.server(net)?;
    println!("asking {server}");

    let clock = HostClock::start();
    let now = || {
        pause();
        clock.now()
    };
    let socket = NtpSocket::connect(net, server, now)?;
    let context = NtpContext::new(StdTimestampGen::default());
    let answer = sntpc::sync::get_time(server, &socket, context).map_err(failure)?;

    println!("stratum {}", answer.stratum());
    println!("offset {} us", answer.offset());
    println!("round trip {} us", answer.roundtrip());
    Ok(())
}
