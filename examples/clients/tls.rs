//! TLS 1.3 over the blocking traits of embedded-io: embedded-tls, with the server's certificate
//! checked. Sends lines to a server that sends each back in reverse.
//!
//! ```sh
//! openssl s_server -tls1_3 -rev -accept 192.168.69.2:4433 -cert server.pem -key server.key &
//! cargo run -p sockstate-clients --example tls -- --tap tap0 --ca ca.der --name server.test
//! ```

use std::fs;

use embedded_io::{Read, Write};
use embedded_tls::blocking::{TlsConfig, TlsConnection, TlsContext};
use sockstate::Net;
use sockstate_clients::tls::{INCOMING, OUTGOING, OWN, Trust, connect};
use sockstate_clients::{Options, Outcome, failure};

const LINES: [&str; 3] = ["hello", "a second line", "the last one"];

fn main() -> Outcome {
    Options::from_args("TLS 1.3, blocking: embedded-tls on sockstate", 4433, &OWN).run(client)
}

fn client(options: &Options, net: &Net) -> Outcome {
    let authority = fs::read(options.own("--ca").ok_or("--ca is needed")?)?;
    let name = options.own("--name").unwrap_or(&options.host);
    let connection = connect(net, options.server(net)?)?;
    println!("connected to {}", connection.remote_endpoint()?);

    let (mut incoming, mut outgoing) = (vec![0; INCOMING], vec![0; OUTGOING]);
    let mut tls = TlsConnection::new(connection, &mut incoming, &mut outgoing);
    let config = TlsConfig::new().with_server_name(name);
    tls.open(TlsContext::new(&config, Trust::new(&authority))).map_err(failure)?;
    println!("the server is {name}");

    for line in LINES {
        writeln!(tls, "{line}").map_err(failure)?;
        tls.flush().map_err(failure)?;
        // It is as long in reverse.
        let mut answer = vec![0; line.len() + 1];
        tls.read_exact(&mut answer).map_err(failure)?;
        println!("sent {line:?}, received {:?}", String::from_utf8_lossy(&answer).trim_end());
    }

    let connection = tls.close().map_err(|(_, error)| failure(error))?;
    connection.close().wait().map_err(sockstate::Error::from)?;
    println!("closed");
    Ok(())
}
