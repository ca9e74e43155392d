//! What errors say, and other things of themselves.

use std::collections::BTreeSet;
use std::error::Error as _;

use sockstate::testing::Lab;
use sockstate::{Error, LocalEndpoint, Protocol};

/// Those that end a connection.
const ENDS: [Error; 7] = [
    Error::Refused,
    Error::Unreachable,
    Error::Reset,
    Error::TimedOut,
    Error::PeerClosed,
    Error::AddressLost,
    Error::LinkDown,
];

/// All others.
const OTHERS: [Error; 32] = [
    Error::WrongState,
    Error::PortZero,
    Error::Unaddressable,
    Error::AddressFamily,
    Error::NoAddress,
    Error::AddressNotAvailable,
    Error::NoRoute,
    Error::AddressInUse,
    Error::HardwareAddress,
    Error::DatagramTooLarge(1_472),
    Error::Truncated(600),
    Error::InvalidPacket,
    Error::InvalidName,
    Error::NoNameServer,
    Error::NameNotFound,
    Error::NameServerFailed,
    Error::OtherStack,
    Error::AlreadyWatched,
    Error::Busy,
    Error::Reentrant,
    Error::OutOfSlots(Protocol::Tcp),
    Error::OutOfSlots(Protocol::Udp),
    Error::OutOfSlots(Protocol::Icmp),
    Error::OutOfSlots(Protocol::Raw),
    Error::OutOfPorts,
    Error::OutOfAddresses,
    Error::OutOfRoutes,
    Error::OutOfGroups,
    Error::OutOfNameServers,
    Error::OutOfWatches,
    Error::DatagramTooLarge(8),
    Error::Truncated(0),
];

#[test]
fn each_says_what_no_other_says() {
    let texts: BTreeSet<_> = ENDS.iter().chain(&OTHERS).map(Error::to_string).collect();
    assert_eq!(texts.len(), ENDS.len() + OTHERS.len(), "{texts:#?}");
    for text in texts {
        // It may stand in a sentence of somebody else.
        assert!(text.len() > 5 && !text.ends_with('.') && !text.contains('\n'), "{text:?}");
    }
}

#[test]
fn numbers_and_protocols_are_told() {
    assert!(Error::DatagramTooLarge(1_472).to_string().contains("1472"));
    assert!(Error::Truncated(600).to_string().contains("600"));
    for protocol in [Protocol::Tcp, Protocol::Udp, Protocol::Icmp, Protocol::Raw] {
        let text = Error::OutOfSlots(protocol).to_string();
        assert!(text.contains(&protocol.to_string()), "{text}");
    }
    assert!(Error::OutOfSlots(Protocol::Icmp).to_string().contains("IcmpStorage"));
    assert!(Error::OutOfSlots(Protocol::Raw).to_string().contains("RawStorage"));
}

#[test]
fn some_end_connections() {
    assert!(ENDS.iter().all(|error| error.ends_connection()));
    assert!(!OTHERS.iter().any(|error| error.ends_connection()));
}

/// What fails with a socket in it goes through `?` into every kind of error without it.
#[test]
fn failed_transitions_become_any_kind_of_error() {
    let lab = Lab::new(1);
    let bind = || lab.near.udp().unwrap().bind(0);
    let plain = || -> Result<(), Error> {
        bind()?;
        Ok(())
    };
    let blocking = || -> sockstate::nb::Result<(), Error> {
        bind()?;
        Ok(())
    };
    let boxed = || -> Result<(), Box<dyn std::error::Error>> {
        bind()?;
        Ok(())
    };
    let sent = || -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        bind()?;
        Ok(())
    };

    assert_eq!(plain(), Err(Error::PortZero));
    assert_eq!(blocking(), Err(sockstate::nb::Error::Other(Error::PortZero)));
    let text = Error::PortZero.to_string();
    assert_eq!(boxed().unwrap_err().to_string(), text);
    assert_eq!(sent().unwrap_err().to_string(), text);

    let failed = bind().unwrap_err();
    assert_eq!(failed.to_string(), text);
    assert_eq!(format!("{failed:?}"), "Failed(PortZero)");
    assert!(failed.error().source().is_none());
    assert!(failed.into_socket().bind(7).is_ok(), "the socket is as it was");
}

/// What programs write to their logs.
#[test]
fn things_say_what_they_are() {
    let lab = Lab::new(1);
    assert!(format!("{:?}", lab.near).starts_with("Stack"));
    assert!(format!("{:?}", lab.near.net()).starts_with("Net"));
    assert!(format!("{:?}", lab.client(|| {})).starts_with("LabClient"));

    for (addr, text) in
        [(None, "*:80"), (Some("10.0.0.1"), "10.0.0.1:80"), (Some("fd00::1"), "[fd00::1]:80")]
    {
        let addr = addr.map(|addr| addr.parse().unwrap());
        assert_eq!(LocalEndpoint { addr, port: 80 }.to_string(), text);
    }

    let _listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(2).unwrap();
    let remote = "192.168.69.2:80".parse().unwrap();
    let [one, other] = [(), ()].map(|()| lab.near.tcp().unwrap().connect(remote).unwrap().wait());
    let (reader, writer) = (one.unwrap().split().0, other.unwrap().split().1);
    assert!(reader.reunite(writer).unwrap_err().to_string().contains("halves"));
}

#[test]
fn embedded_io_has_kinds_for_them() {
    use embedded_io::ErrorKind;
    for (error, kind) in [
        (Error::Refused, ErrorKind::ConnectionRefused),
        (Error::Reset, ErrorKind::ConnectionReset),
        (Error::TimedOut, ErrorKind::TimedOut),
        (Error::PeerClosed, ErrorKind::BrokenPipe),
        (Error::LinkDown, ErrorKind::ConnectionAborted),
        (Error::WrongState, ErrorKind::NotConnected),
        (Error::PortZero, ErrorKind::InvalidInput),
        (Error::AddressNotAvailable, ErrorKind::AddrNotAvailable),
        (Error::AddressInUse, ErrorKind::AddrInUse),
        (Error::NameNotFound, ErrorKind::NotFound),
        (Error::OutOfPorts, ErrorKind::OutOfMemory),
        (Error::Reentrant, ErrorKind::Other),
    ] {
        assert_eq!(embedded_io::Error::kind(&error), kind, "{error}");
    }
}
