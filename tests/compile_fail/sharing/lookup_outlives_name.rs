// must not compile: the stack keeps no name, so that the look-up needs the caller's.
// expect: `host` does not live long enough

use sockstate::{AddrType, Error, Net};

fn misuse(net: &Net) -> Result<(), Error> {
    let lookup = {
        let host = String::from("host.example");
        net.lookup(&host, AddrType::Either)?
    };
    lookup.wait()?;
    Ok(())
}

fn main() {}
