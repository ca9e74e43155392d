//! Look-ups, and the name server of small networks: dnsmasq.

use std::net::IpAddr;

use embedded_nal::AddrType::{Either, IPv4, IPv6};
use embedded_nal::{Dns, nb};
use sockstate::{Error, Net};

use crate::Wire;
use crate::process::{PATIENCE, until};
use crate::servers::name_server;

/// Repeats a call until it no longer would block.
fn wait<R>(what: &str, mut call: impl FnMut() -> nb::Result<R, Error>) -> Result<R, Error> {
    let mut result = None;
    until(PATIENCE, what, || {
        result = match call() {
            Ok(found) => Some(Ok(found)),
            Err(nb::Error::Other(error)) => Some(Err(error)),
            Err(nb::Error::WouldBlock) => None,
        };
        result.is_some()
    });
    result.unwrap()
}

/// A name as long as names can be, in labels as long as labels can be.
fn longest() -> String {
    [63, 63, 63, 56].map(|size| "x".repeat(size)).join(".") + ".test"
}

#[test]
fn names() {
    let wire = Wire::new();
    let records = [
        "--host-record=host.test,10.9.8.7,fd00::9:8:7",
        "--host-record=four.test,10.9.8.4",
        "--cname=www.test,alias.test",
        "--cname=alias.test,host.test",
        &format!("--host-record={},10.9.8.253", longest()),
    ];
    let server = name_server(wire.kernel(), &records.map(String::from));
    let stack = wire.stack();
    stack.set_dns_servers(&[wire.kernel().into()]).unwrap();
    let mut net: &Net = &stack;

    let known = |addr: &str| Ok(addr.parse::<IpAddr>().unwrap());
    for (name, kind, expected) in [
        ("host.test", IPv4, known("10.9.8.7")),
        ("host.test", IPv6, known("fd00::9:8:7")),
        ("host.test", Either, known("10.9.8.7")),
        ("HOST.Test.", IPv4, known("10.9.8.7")),
        ("www.test", IPv6, known("fd00::9:8:7")),
        ("four.test", IPv6, Err(Error::NameNotFound)),
        ("nobody.test", Either, Err(Error::NameNotFound)),
        (&longest(), IPv4, known("10.9.8.253")),
    ] {
        let found = wait(name, || net.get_host_by_name(name, kind.clone()));
        println!("{name} {kind:?}: {found:?}");
        assert_eq!(found, expected);
    }
    for (addr, expected) in [
        ("10.9.8.7", Ok("host.test")),
        ("fd00::9:8:7", Ok("host.test")),
        ("10.9.8.253", Ok(longest().as_str())),
        // It has nobody to ask for what it does not know itself.
        ("10.9.8.1", Err(Error::NameServerFailed)),
    ] {
        let mut name = [0; 255];
        let found = wait(addr, || net.get_host_by_address(addr.parse().unwrap(), &mut name));
        let found = found.map(|size| str::from_utf8(&name[..size]).unwrap());
        println!("{addr}: {found:?}");
        assert_eq!(found, expected);
    }
    server.stop();
}
