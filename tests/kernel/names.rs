//! A host with an address of each IP version, known to dnsmasq, at one of which nobody listens.

use super::*;
use process::Process;

/// A wire with addresses of both versions at both ends.
fn both_versions() -> (Wire, Wire, Stack<Tap, StdClock>) {
    let v4 = Wire::new(Family::V4);
    let v6 = Wire { name: v4.name.clone(), number: v4.number, family: Family::V6, seed: v4.seed };
    let stack = v4.stack();
    v6.join(&stack);
    (v4, v6, stack)
}

fn name_server(v4: &Wire, v6: &Wire) -> Process {
    let host = format!("--host-record=host.test,{},{}", v4.host(1), v6.host(1));
    let server = dnsmasq(v4, &[host]);
    server.wait_for("started");
    server
}

#[test]
fn the_address_that_accepts_is_the_one() {
    let (v4, v6, stack) = both_versions();
    let server = name_server(&v4, &v6);
    stack.set_dns_servers(&[v4.host(1)]).unwrap();
    let connect = |port| -> Result<TcpSocket<'_, Connected>, Error> {
        Ok(stack.tcp()?.connect_by_name("host.test", port)?.wait()?.wait()?)
    };

    // IPv6 is asked first, and refuses.
    let (listener, addr) = v4.kernel_listener();
    let mut socket = connect(addr.port()).unwrap();
    assert_eq!(socket.remote_endpoint(), Ok(addr));
    let mut stream = kernel_accept(&listener);
    stream.write_all(b"by IPv4").unwrap();
    let mut buffer = [0; 16];
    assert_eq!(stack.block(|| socket.receive(&mut buffer)), Ok(7));

    // Where both would accept, it is IPv6: unless a busy machine says 50 ms later that there is one.
    let port = addr.port();
    let second = TcpListener::bind((v6.host(1), port)).unwrap();
    let by_v6 = || connect(port).unwrap().remote_endpoint() == Ok((v6.host(1), port).into());
    assert!((0..5).any(|_| by_v6()));
    drop((listener, second));

    // Where neither does, it is the refusal of the last one.
    assert_eq!(connect(port).unwrap_err(), Error::Refused);

    let lines = server.stop();
    let asked = |kind: &str| lines.iter().any(|line| line.contains(&format!("query[{kind}] host")));
    assert!(asked("A") && asked("AAAA"));
}
