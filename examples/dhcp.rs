//! Gets an address from a DHCP server, prints what it got, and follows what becomes of it.
//!
//! ```sh
//! cargo run --example dhcp -- --tap tap0
//! ```
//!
//! It runs until it is ended. Without `--tap` nobody would serve it.

mod common;

use std::net::SocketAddr;

use common::{Idle, Options, Outcome};
use sockstate::Net;

fn main() -> Outcome {
    let options = Options::from_args();
    if options.tap.is_none() {
        return Err(
            "a server is needed: --tap NAME, with one (dnsmasq, say) at the kernel's end".into()
        );
    }
    options.run(common::peer::echo, follow)
}

fn follow(net: &Net, _remote: SocketAddr, idle: Idle<'_>) -> Outcome {
    // The address that the examples have otherwise.
    for cidr in net.addresses()? {
        net.remove_address(cidr.address().into())?;
    }
    let mut dhcp = net.dhcp()?;
    loop {
        match net.block_with(&mut *idle, || dhcp.poll())? {
            Some(lease) => {
                println!("{} from {}", lease.address, lease.server);
                println!("  router: {:?}", lease.router);
                println!("  name servers: {:?}", lease.dns_servers);
                match lease.until {
                    Some(until) => println!("  for another {} s", (until - net.now()?).secs()),
                    None => println!("  for ever"),
                }
            }
            None => println!("the lease is lost; looking for another"),
        }
    }
}
