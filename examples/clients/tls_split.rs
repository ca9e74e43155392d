//! TLS 1.3 in two halves, which embedded-tls makes of a transport that it can clone: `&Duplex`.
//! Writes a mebibyte of lines, and at the same time reads what the server sends back of each.
//!
//! ```sh
//! openssl s_server -tls1_3 -rev -accept 192.168.69.2:4433 -cert server.pem -key server.key &
//! cargo run -p sockstate-clients --example tls_split -- --tap tap0 --ca ca.der --name server.test
//! ```

use std::cell::Cell;
use std::fs;

use embassy_futures::join::join;
use embedded_io_async::{Read, Write};
use embedded_tls::{TlsConfig, TlsConnection, TlsContext};
use sockstate::{Duplex, Net};
use sockstate_clients::tls::{INCOMING, OUTGOING, OWN, Trust, connect_async};
use sockstate_clients::{Options, Outcome, failure};

/// Lines of 64 bytes.
const LINES: usize = 16 * 1024;

fn main() -> Outcome {
    Options::from_args("TLS 1.3 in two halves: embedded-tls on sockstate", 4433, &OWN)
        .run_async(client)
}

async fn client(options: &Options, net: &Net) -> Outcome {
    let authority = fs::read(options.own("--ca").ok_or("--ca is needed")?)?;
    let name = options.own("--name").unwrap_or(&options.host);
    let duplex = Duplex::new(connect_async(net, options.server_async(net).await?).await?);

    let (mut incoming, mut outgoing) = (vec![0; INCOMING], vec![0; OUTGOING]);
    let mut tls = TlsConnection::new(&duplex, &mut incoming, &mut outgoing);
    let config = TlsConfig::new().with_server_name(name);
    tls.open(TlsContext::new(&config, Trust::new(&authority))).await.map_err(failure)?;
    println!("the server is {name}");

    let lines: Vec<String> = (0..LINES).map(|number| format!("{number:>63}")).collect();
    let (mut reader, mut writer) = tls.split();
    let answered = Cell::new(0);
    let write = async {
        for line in &lines {
            writer.write_all(format!("{line}\n").as_bytes()).await.map_err(failure)?;
        }
        writer.flush().await.map_err(failure)?;
        println!("sent {LINES} lines, with {} answers received meanwhile", answered.get());
        Outcome::Ok(())
    };
    let read = async {
        for line in &lines {
            let mut answer = vec![0; line.len() + 1];
            reader.read_exact(&mut answer).await.map_err(failure)?;
            let reversed: String = line.chars().rev().chain(['\n']).collect();
            if answer != reversed.as_bytes() {
                return Err(format!("{line:?} came back as {answer:?}").into());
            }
            answered.set(answered.get() + 1);
        }
        println!("received {LINES} lines in reverse");
        Outcome::Ok(())
    };
    let (written, read) = join(write, read).await;
    written.and(read)?;

    tls.close().await.map_err(|(_, error)| failure(error))?;
    duplex.into_inner().close().await.map_err(sockstate::Error::from)?;
    println!("closed");
    Ok(())
}
