//! `UdpFullStack`: servers, and clients with many peers.

use std::net::SocketAddr;

use embedded_nal::{UdpFullStack, nb};

use super::cases;
use super::udp_client::{Socket, connect, delivered, open, receive, send};
use crate::far::Order;
use crate::{Outcome, World, done, ensure, failed, far, near};

/// A world whose stack has UDP servers.
pub trait UdpServer: World<Stack: UdpFullStack> {}

impl<W: World<Stack: UdpFullStack>> UdpServer for W {}

cases! { UdpServer:
    udp_a_bound_socket_answers_whoever_asks from "UdpFullStack::send_to",
    udp_requests_are_answered_at_once from "embedded-nal-minimal-coapserver 0.5",
    udp_an_answer_comes_from_the_address_asked from "sntpc 0.11",
    udp_send_to_without_bind_hears_the_answer from "UdpFullStack::send_to",
    udp_send_after_send_to_goes_to_the_same_destination from "UdpClientStack::send",
    udp_bind_then_connect_then_send_to_keeps_the_port from "UdpFullStack::send_to",
    udp_bind_to_a_taken_port_is_an_error from "UdpFullStack::bind",
}

const PORT: u16 = 6_000;

fn bound<W: UdpServer>(world: &mut W) -> Outcome<Socket<W>> {
    let mut socket = open(world)?;
    world.stack().bind(&mut socket, PORT).map_err(|error| failed("bind", &error))?;
    Ok(socket)
}

fn send_to<W: UdpServer>(
    world: &mut W,
    socket: &mut Socket<W>,
    remote: SocketAddr,
    data: &[u8],
) -> Outcome {
    done(world, "send_to", |stack| stack.send_to(socket, remote, data))
}

/// Listens on a port, and replies to each sender.
fn udp_a_bound_socket_answers_whoever_asks<W: UdpServer>(world: &mut W) -> Outcome {
    let mut socket = bound(world)?;
    for (from, answer) in [(9, b"to 9"), (8, b"to 8")] {
        world.order(Order::Datagram { from, to: near(PORT), data: b"question".to_vec() })?;
        let (data, remote) = receive(world, &mut socket, 16)?;
        ensure(data == b"question", "other data")?;
        send_to(world, &mut socket, remote, answer)?;
        let (port, _) = delivered(world, &mut socket, answer)?;
        ensure(port == from, "answers another one")?;
    }
    Ok(())
}

/// The CoAP server drops a reply that would block. It answers from buffers of 1,152 bytes.
fn udp_requests_are_answered_at_once<W: UdpServer>(world: &mut W) -> Outcome {
    let mut socket = bound(world)?;
    for _ in 0..4 {
        world.order(Order::Datagram { from: 9, to: near(PORT), data: vec![1; 1_152] })?;
    }
    for _ in 0..4 {
        let (data, remote) = receive(world, &mut socket, 1_152)?;
        match world.stack().send_to(&mut socket, remote, &data) {
            Ok(()) => {}
            Err(nb::Error::WouldBlock) => return Err("WouldBlock".to_owned()),
            Err(nb::Error::Other(error)) => return Err(failed("send_to", &error)),
        }
    }
    delivered(world, &mut socket, &[1; 1_152]).map(drop)
}

/// sntpc takes an answer only if its address is, byte for byte, the one that was asked.
fn udp_an_answer_comes_from_the_address_asked<W: UdpServer>(world: &mut W) -> Outcome {
    world.order(Order::Echo(7))?;
    let mut socket = bound(world)?;
    send_to(world, &mut socket, far(7), b"hello")?;
    let (_, remote) = receive(world, &mut socket, 16)?;
    let mapped = remote.ip().to_canonical() != remote.ip();
    ensure(!mapped, "an IPv4-mapped IPv6 address")?;
    ensure(remote == far(7), "another address")
}

/// A packet can be sent to a host without more ado; and what would it be for without an answer?
fn udp_send_to_without_bind_hears_the_answer<W: UdpServer>(world: &mut W) -> Outcome {
    world.order(Order::Echo(7))?;
    let mut socket = open(world)?;
    send_to(world, &mut socket, far(7), b"hello")?;
    ensure(receive(world, &mut socket, 16)?.0 == b"hello", "other data came back")
}

/// After `send_to`, `send` goes where that went.
fn udp_send_after_send_to_goes_to_the_same_destination<W: UdpServer>(world: &mut W) -> Outcome {
    world.order(Order::Take(9))?;
    let mut socket = bound(world)?;
    send_to(world, &mut socket, far(9), b"first")?;
    send(world, &mut socket, b"second")?;
    let (port, _) = delivered(world, &mut socket, b"second")?;
    ensure(port == 9, "goes elsewhere")
}

/// The port that was asked for is not exchanged for another one, and a connected socket can still
/// send elsewhere and hear the answer.
fn udp_bind_then_connect_then_send_to_keeps_the_port<W: UdpServer>(world: &mut W) -> Outcome {
    world.order(Order::Take(9))?;
    world.order(Order::Echo(7))?;
    let mut socket = bound(world)?;
    connect(world, &mut socket, far(9))?;
    send(world, &mut socket, b"connected")?;
    let (_, from) = delivered(world, &mut socket, b"connected")?;
    ensure(from == near(PORT), "another port")?;
    send_to(world, &mut socket, far(7), b"hello")?;
    ensure(receive(world, &mut socket, 16)?.0 == b"hello", "other data came back")?;
    let (_, from) = delivered(world, &mut socket, b"hello")?;
    ensure(from == near(PORT), "another port")
}

/// `Ok` means bound, and a port has one owner.
fn udp_bind_to_a_taken_port_is_an_error<W: UdpServer>(world: &mut W) -> Outcome {
    let _first = bound(world)?;
    let mut second = open(world)?;
    ensure(world.stack().bind(&mut second, PORT).is_err(), "Ok")
}
