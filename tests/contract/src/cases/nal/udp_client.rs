//! `UdpClientStack`: exchanges with one peer.

use std::net::SocketAddr;

use embedded_nal::{UdpClientStack, nb};

use super::cases;
use crate::far::Order;
use crate::{Family, Outcome, Unpolled, World, done, ensure, failed, far, settled, until};

/// A world whose stack has UDP clients.
pub trait Udp: World<Stack: UdpClientStack> {}

impl<W: World<Stack: UdpClientStack>> Udp for W {}

pub(super) type Socket<W> = <<W as World>::Stack as UdpClientStack>::UdpSocket;

cases! { Udp:
    udp_receive_tells_who_sent_it from "UdpClientStack::receive",
    udp_receive_without_data_would_block from "UdpClientStack::receive",
    udp_send_without_room_would_block from "UdpClientStack::send",
    udp_a_datagram_too_large_to_receive_blocks_nothing from "UdpClientStack::receive",
    udp_a_datagram_too_large_to_send_is_an_error from "UdpClientStack::send",
    udp_a_connected_socket_hears_only_its_peer from "UdpClientStack::receive",
    udp_datagrams_keep_their_bounds from "UdpClientStack::receive",
    udp_connect_again_changes_the_peer from "UdpClientStack::connect",
    udp_send_and_receive_before_connect_are_errors from "UdpClientStack::connect",
    udp_ipv6_exchanges from "UdpClientStack::connect",
    udp_close_still_sends from "UdpClientStack::close",
    udp_sockets_come_back_and_too_many_are_an_error from "UdpClientStack::close",
    udp_a_loop_on_nb_ends_without_a_poll_from_outside from "nb::block!",
}

pub(super) fn open<W: Udp>(world: &mut W) -> Outcome<Socket<W>> {
    world.stack().socket().map_err(|error| failed("socket", &error))
}

pub(super) fn connected<W: Udp>(world: &mut W, remote: SocketAddr) -> Outcome<Socket<W>> {
    let mut socket = open(world)?;
    connect(world, &mut socket, remote)?;
    Ok(socket)
}

pub(super) fn connect<W: Udp>(
    world: &mut W,
    socket: &mut Socket<W>,
    remote: SocketAddr,
) -> Outcome {
    world.stack().connect(socket, remote).map_err(|error| failed("connect", &error))
}

pub(super) fn send<W: Udp>(world: &mut W, socket: &mut Socket<W>, data: &[u8]) -> Outcome {
    done(world, "send", |stack| stack.send(socket, data))
}

/// The next datagram. An error is taken for "nothing yet", and is the reason if nothing comes.
pub(super) fn receive<W: Udp>(
    world: &mut W,
    socket: &mut Socket<W>,
    room: usize,
) -> Outcome<(Vec<u8>, SocketAddr)> {
    let mut buffer = vec![0; room];
    let mut last = None;
    let received = until(world, "data", |world| {
        match world.stack().receive(socket, &mut buffer) {
            Ok(received) => return Some(received),
            Err(nb::Error::WouldBlock) => {}
            Err(nb::Error::Other(error)) => last = Some(failed("receive", &error)),
        }
        None
    });
    let (size, remote) = received.map_err(|reason| last.unwrap_or(reason))?;
    buffer.truncate(size);
    Ok((buffer, remote))
}

/// Waits until the far end has got something, while the client asks for an answer.
pub(super) fn delivered<W: Udp>(
    world: &mut W,
    socket: &mut Socket<W>,
    data: &[u8],
) -> Outcome<(u16, SocketAddr)> {
    until(world, "delivery", |world| {
        let _ = world.stack().receive(socket, &mut [0; 16]);
        world.look(|board| {
            let datagram = board.datagrams.iter().find(|datagram| datagram.data == data)?;
            Some((datagram.local, datagram.remote))
        })
    })
}

pub(super) fn echoes<W: Udp>(world: &mut W, socket: &mut Socket<W>) -> Outcome {
    send(world, socket, b"hello")?;
    ensure(receive(world, socket, 16)?.0 == b"hello", "other data came back")
}

/// A datagram goes to the peer; what `receive` gives is its answer, and the peer's address.
fn udp_receive_tells_who_sent_it<W: Udp>(world: &mut W) -> Outcome {
    world.order(Order::Echo(7))?;
    let mut socket = connected(world, far(7))?;
    send(world, &mut socket, b"hello")?;
    let (data, remote) = receive(world, &mut socket, 16)?;
    ensure(data == b"hello", "other data came back")?;
    ensure(remote == far(7), "another address")
}

/// Nothing has come yet.
fn udp_receive_without_data_would_block<W: Udp>(world: &mut W) -> Outcome {
    let mut socket = connected(world, far(7))?;
    match world.stack().receive(&mut socket, &mut [0; 16]) {
        Err(nb::Error::WouldBlock) => Ok(()),
        Ok(_) => Err("Ok".to_owned()),
        Err(nb::Error::Other(error)) => Err(failed("receive", &error)),
    }
}

/// No room is a matter of time, not a failure: however much is sent in a row, it is taken or
/// would block, and goes on later.
fn udp_send_without_room_would_block<W: Udp>(world: &mut W) -> Outcome {
    world.order(Order::Echo(7))?;
    world.order(Order::Take(9))?;
    let mut socket = connected(world, far(7))?;
    echoes(world, &mut socket)?;
    let mut socket = connected(world, far(9))?;
    for _ in 0..5_000 {
        match world.stack().send(&mut socket, &[0; 512]) {
            Ok(()) => {}
            Err(nb::Error::WouldBlock) => break,
            Err(nb::Error::Other(error)) => return Err(failed("send", &error)),
        }
    }
    done(world, "send", |stack| stack.send(&mut socket, b"last"))
}

/// A datagram of a size nobody expected, from anyone, does not end the conversation.
fn udp_a_datagram_too_large_to_receive_blocks_nothing<W: Udp>(world: &mut W) -> Outcome {
    world.order(Order::Echo(7))?;
    let mut socket = connected(world, far(7))?;
    send(world, &mut socket, &[1; 100])?;
    send(world, &mut socket, &[2; 10])?;
    let first = receive(world, &mut socket, 50)?.0;
    // Whether the beginning of the large one is given or dropped is the stack's choice.
    let next = if first.len() == 10 { first } else { receive(world, &mut socket, 50)?.0 };
    ensure(next == [2; 10], "other data")
}

/// What can never be sent must not be tried for ever.
fn udp_a_datagram_too_large_to_send_is_an_error<W: Udp>(world: &mut W) -> Outcome {
    world.order(Order::Take(9))?;
    let mut socket = connected(world, far(9))?;
    let sent = settled(world, "error", |stack| stack.send(&mut socket, &[0; 70_000]))?;
    ensure(sent.is_err(), "Ok")
}

/// What is received is what the remote host has sent, and nothing else.
fn udp_a_connected_socket_hears_only_its_peer<W: Udp>(world: &mut W) -> Outcome {
    world.order(Order::Take(9))?;
    let mut socket = connected(world, far(9))?;
    send(world, &mut socket, b"hello")?;
    let (_, to) = delivered(world, &mut socket, b"hello")?;
    world.order(Order::Datagram { from: 10, to, data: b"stranger".to_vec() })?;
    world.order(Order::Datagram { from: 9, to, data: b"peer".to_vec() })?;
    let (data, remote) = receive(world, &mut socket, 16)?;
    ensure(data == b"peer" && remote == far(9), "hears a stranger")
}

/// One `receive`, one datagram, even an empty one.
fn udp_datagrams_keep_their_bounds<W: Udp>(world: &mut W) -> Outcome {
    world.order(Order::Echo(7))?;
    let mut socket = connected(world, far(7))?;
    let datagrams: [&[u8]; 3] = [b"one", b"", b"three"];
    for data in datagrams {
        send(world, &mut socket, data)?;
    }
    for data in datagrams {
        ensure(receive(world, &mut socket, 16)?.0 == data, "other data came back")?;
    }
    Ok(())
}

/// The remote host is the one of the last `connect`.
fn udp_connect_again_changes_the_peer<W: Udp>(world: &mut W) -> Outcome {
    world.order(Order::Take(9))?;
    world.order(Order::Take(10))?;
    let mut socket = connected(world, far(9))?;
    connect(world, &mut socket, far(10))?;
    send(world, &mut socket, b"hello")?;
    let (port, _) = delivered(world, &mut socket, b"hello")?;
    ensure(port == 10, "goes to the first one")
}

/// A socket that was only allocated has no peer to send to and no port to receive on.
fn udp_send_and_receive_before_connect_are_errors<W: Udp>(world: &mut W) -> Outcome {
    let mut socket = open(world)?;
    let sent = world.stack().send(&mut socket, b"x");
    ensure(matches!(sent, Err(nb::Error::Other(_))), "send: no error")?;
    let received = world.stack().receive(&mut socket, &mut [0; 16]);
    ensure(matches!(received, Err(nb::Error::Other(_))), "receive: no error")
}

/// An address is a `SocketAddr` of either version.
fn udp_ipv6_exchanges<W: Udp>(world: &mut W) -> Outcome {
    world.order(Order::Echo(7))?;
    let peer = SocketAddr::new(Family::V6.far(), 7);
    let mut socket = connected(world, peer)?;
    send(world, &mut socket, b"hello")?;
    let (data, remote) = receive(world, &mut socket, 16)?;
    ensure(data == b"hello" && remote == peer, "other data came back")
}

/// What `send` took is sent. The neighbour is known by then, so that nothing has to be waited for.
fn udp_close_still_sends<W: Udp>(world: &mut W) -> Outcome {
    world.order(Order::Echo(7))?;
    let mut socket = connected(world, far(7))?;
    echoes(world, &mut socket)?;
    send(world, &mut socket, b"last words")?;
    world.stack().close(socket).map_err(|error| failed("close", &error))?;
    until(world, "delivery", |world| {
        world
            .look(|board| board.datagrams.iter().any(|datagram| datagram.data == b"last words"))
            .then_some(())
    })
}

/// A slot is free again once its socket is closed, and so is its port. When there is none, an error
/// says so; a stack without such a limit has no need to.
fn udp_sockets_come_back_and_too_many_are_an_error<W: Udp>(world: &mut W) -> Outcome {
    world.order(Order::Echo(7))?;
    for _ in 0..100 {
        let mut socket = connected(world, far(7))?;
        echoes(world, &mut socket)?;
        world.stack().close(socket).map_err(|error| failed("close", &error))?;
    }
    let mut sockets: Vec<_> = (0..1_000).map_while(|_| world.stack().socket().ok()).collect();
    let last = sockets.pop().ok_or("not even one")?;
    world.stack().close(last).map_err(|error| failed("close", &error))?;
    open(world).map(drop)
}

/// The first datagram waits for the address of the neighbour, and nothing but `receive` is called.
fn udp_a_loop_on_nb_ends_without_a_poll_from_outside<W: Udp>(world: &mut W) -> Outcome {
    let mut world = Unpolled(world);
    world.order(Order::Echo(7))?;
    let mut socket = connected(&mut world, far(7))?;
    echoes(&mut world, &mut socket)
}
