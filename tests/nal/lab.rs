//! The near stack of a lab, as a client sees it that waits in loops of its own.

use core::net::SocketAddr;

use embedded_nal::{AddrType, Dns, TcpClientStack, TcpFullStack, UdpClientStack, UdpFullStack, nb};
use sockstate::testing::Lab;
use sockstate::{Duration, Error};

use crate::addr;
use crate::common::name_server::{Server, address, pointer, reply};

fn tcp_exchange<T: TcpClientStack>(
    stack: &mut T,
    socket: &mut T::TcpSocket,
) -> Result<usize, T::Error> {
    nb::block!(stack.send(socket, b"hello"))?;
    nb::block!(stack.receive(socket, &mut [0; 8]))
}

#[test]
fn a_client_waits_for_its_server() {
    let lab = Lab::new(1);
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let mut connection = None;
    let mut client = lab.client(|| {
        connection = connection.take().or_else(|| listener.accept().ok());
        if let Some((connection, _)) = &mut connection
            && let Ok(size) = connection.receive(&mut [0; 8])
        {
            connection.send(&[7; 8][..size]).unwrap();
        }
    });
    let mut socket = TcpClientStack::socket(&mut client).unwrap();
    nb::block!(TcpClientStack::connect(&mut client, &mut socket, addr("192.168.69.2:80"))).unwrap();
    assert_eq!(tcp_exchange(&mut client, &mut socket), Ok(5));
    TcpClientStack::close(&mut client, socket).unwrap();
}

#[test]
fn a_server_waits_for_its_client() {
    let lab = Lab::new(1);
    let remote: SocketAddr = addr("192.168.69.1:80");
    let mut connecting = Some(lab.far.tcp().unwrap().connect(remote).unwrap());
    let mut connected = None;
    let mut server = lab.client(|| {
        if connected.is_none() && connecting.as_mut().is_some_and(|socket| socket.poll().is_ok()) {
            connected = connecting.take().and_then(|socket| socket.finish().ok());
            connected.as_mut().unwrap().send(b"hi").unwrap();
        }
    });
    let mut socket = TcpClientStack::socket(&mut server).unwrap();
    TcpFullStack::bind(&mut server, &mut socket, 80).unwrap();
    TcpFullStack::listen(&mut server, &mut socket).unwrap();
    let (mut accepted, _) = nb::block!(server.accept(&mut socket)).unwrap();
    let received = nb::block!(TcpClientStack::receive(&mut server, &mut accepted, &mut [0; 8]));
    assert_eq!(received, Ok(2));
}

#[test]
fn datagrams_and_names_are_waited_for() {
    let lab = Lab::new(1);
    lab.near.set_dns_servers(&[addr("192.168.69.2:53").ip()]).unwrap();
    let names = Server::new(&lab.far);
    let mut echo = lab.far.udp().unwrap().bind(7).unwrap();
    let client = lab.client(|| {
        names.step(&lab, |asked| vec![reply(asked, 0, &[address("host.test", "192.168.69.2")])]);
        if let Ok((size, from)) = echo.receive_from(&mut [0; 8]) {
            echo.send_to(&[7; 8][..size], from).unwrap();
        }
    });
    let (mut names, mut client) = (client.clone(), client);
    let host = nb::block!(names.get_host_by_name("host.test", AddrType::IPv4)).unwrap();
    let mut socket = UdpClientStack::socket(&mut client).unwrap();
    UdpFullStack::bind(&mut client, &mut socket, 6_000).unwrap();
    nb::block!(client.send_to(&mut socket, (host, 7).into(), b"ping")).unwrap();
    let received = nb::block!(UdpClientStack::receive(&mut client, &mut socket, &mut [0; 8]));
    assert_eq!(received, Ok((4, (host, 7).into())));
}

/// A client whose own time limit is a second sees it pass in steps that are shorter.
#[test]
fn time_passes_in_small_steps() {
    let lab = Lab::new(1);
    let mut client = lab.client(|| {});
    let mut socket = UdpClientStack::socket(&mut client).unwrap();
    UdpFullStack::bind(&mut client, &mut socket, 6_000).unwrap();
    // The stacks have told which multicast groups they are in.
    lab.run_for(Duration::from_secs(1));
    let start = lab.clock.time();
    let mut calls = 0;
    while lab.clock.time() < start + Duration::from_secs(1) {
        let nothing = UdpClientStack::receive(&mut client, &mut socket, &mut [0; 8]);
        assert_eq!(nothing, Err(nb::Error::WouldBlock));
        calls += 1;
    }
    assert_eq!((calls, lab.clock.time() - start), (1_000, Duration::from_secs(1)));
}

/// Time that passes while the client does not wait is none of its patience.
#[test]
fn hours_between_two_calls_are_no_wait() {
    let lab = Lab::new(1);
    let mut client = lab.client(|| {});
    let mut socket = UdpClientStack::socket(&mut client).unwrap();
    UdpFullStack::bind(&mut client, &mut socket, 6_000).unwrap();
    for _ in 0..3 {
        lab.run_for(Duration::from_secs(3_700));
        let nothing = UdpClientStack::receive(&mut client, &mut socket, &mut [0; 8]);
        assert_eq!(nothing, Err(nb::Error::WouldBlock));
    }
}

/// Its patience begins anew with everything that it gets.
#[test]
fn two_waits_of_most_of_an_hour_are_no_long_one() {
    let lab = Lab::new(1);
    let mut far = lab.far.udp().unwrap().bind(7).unwrap();
    let mut next = lab.clock.time() + Duration::from_secs(2_400);
    let mut client = lab.client(|| {
        if lab.clock.time() >= next {
            far.send_to(b"hi", addr("192.168.69.1:6000")).unwrap();
            next = lab.clock.time() + Duration::from_secs(2_400);
        }
    });
    let mut socket = UdpClientStack::socket(&mut client).unwrap();
    UdpFullStack::bind(&mut client, &mut socket, 6_000).unwrap();
    for _ in 0..2 {
        let received = nb::block!(UdpClientStack::receive(&mut client, &mut socket, &mut [0; 8]));
        assert_eq!(received.map(|(size, _)| size), Ok(2));
    }
}

#[test]
#[should_panic(expected = "waiting for an hour")]
fn a_wait_without_end_is_a_panic() {
    let lab = Lab::new(1);
    let mut client = lab.client(|| {});
    let mut socket = UdpClientStack::socket(&mut client).unwrap();
    UdpFullStack::bind(&mut client, &mut socket, 6_000).unwrap();
    let _: Result<_, Error> =
        nb::block!(UdpClientStack::receive(&mut client, &mut socket, &mut [0; 8]));
}

#[test]
#[should_panic(expected = "waiting for an hour")]
fn the_time_that_its_server_takes_is_waited_for() {
    let lab = Lab::new(1);
    let mut client = lab.client(|| lab.run_for(Duration::from_secs(1_000)));
    let mut socket = UdpClientStack::socket(&mut client).unwrap();
    UdpFullStack::bind(&mut client, &mut socket, 6_000).unwrap();
    let _: Result<_, Error> =
        nb::block!(UdpClientStack::receive(&mut client, &mut socket, &mut [0; 8]));
}

#[test]
fn the_name_of_an_address_is_waited_for() {
    let lab = Lab::new(1);
    lab.near.set_dns_servers(&[addr("192.168.69.2:53").ip()]).unwrap();
    let server = Server::new(&lab.far);
    let mut client = lab.client(|| {
        server.step(&lab, |asked| vec![reply(asked, 0, &[pointer(&asked.name, "host.test")])]);
    });
    let (host, mut name) = (addr("10.0.0.7:0").ip(), [0; 255]);
    assert_eq!(nb::block!(client.get_host_by_address(host, &mut name)), Ok(9));
    assert_eq!(&name[..9], b"host.test");
}
