//! `UdpStack`: sockets that are connected.

use std::net::{Ipv4Addr, SocketAddr};

use embedded_nal_async::{ConnectedUdp, UdpStack};

use super::super::tasks;
use crate::far::Order;
use crate::tasks::{Tasks, given_up, given_up_after, shown, within, woken_by};
use crate::{Family, Outcome, ensure, failed, far, near};

/// A world whose stack has UDP sockets.
pub trait Udp: Tasks<Stack: UdpStack> {}

impl<W: Tasks<Stack: UdpStack>> Udp for W {}

type Socket<W> = <<W as Tasks>::Stack as UdpStack>::Connected;

tasks! { Udp, [&'static Net]:
    udp_connect_gives_the_full_local_address from "UdpStack::connect",
    udp_connect_from_a_given_address_and_port from "UdpStack::connect_from",
    udp_a_connected_socket_hears_only_its_peer from "ConnectedUdp::receive_into",
    udp_datagrams_keep_their_bounds from "ConnectedUdp::receive_into",
    udp_a_cut_datagram_tells_its_full_length from "ConnectedUdp::receive_into",
    udp_receive_waits_for_a_datagram from "ConnectedUdp::receive_into",
    udp_a_dropped_receive_loses_nothing from "ConnectedUdp::receive_into",
    udp_send_waits_for_room from "ConnectedUdp::send",
    udp_a_datagram_too_large_to_send_is_an_error from "ConnectedUdp::send",
    udp_ipv6_exchanges from "UdpStack::connect",
    udp_a_dropped_socket_still_sends (ONE) from "UdpStack::connect",
    udp_too_many_sockets_are_an_error from "UdpStack::connect",
}

async fn connect<W: Udp>(world: &W, remote: SocketAddr) -> Outcome<(SocketAddr, Socket<W>)> {
    let connecting = within(world, "socket", world.stack().connect(remote)).await?;
    connecting.map_err(|error| failed("connect", &error))
}

async fn send<W: Udp>(world: &W, socket: &mut Socket<W>, data: &[u8]) -> Outcome {
    let sent = within(world, "room", socket.send(data)).await?;
    sent.map_err(|error| failed("send", &error))
}

/// The next datagram, or the first of its bytes, and its size.
async fn receive<W: Udp>(
    world: &W,
    socket: &mut Socket<W>,
    room: usize,
) -> Outcome<(Vec<u8>, usize)> {
    let mut buffer = vec![0; room];
    let received = within(world, "data", socket.receive_into(&mut buffer)).await?;
    let size = received.map_err(|error| failed("receive", &error))?;
    buffer.truncate(size);
    Ok((buffer, size))
}

async fn echoes<W: Udp>(world: &W, socket: &mut Socket<W>) -> Outcome {
    send(world, socket, b"hello").await?;
    ensure(receive(world, socket, 16).await?.0 == b"hello", "other data came back")
}

/// The far end hears from exactly the address that was returned.
async fn udp_connect_gives_the_full_local_address<W: Udp>(world: &W) -> Outcome {
    world.order(Order::Echo(7))?;
    let (local, mut socket) = connect(world, far(7)).await?;
    echoes(world, &mut socket).await?;
    ensure(world.look(|board| board.datagrams[0].remote == local), "another address")
}

/// It may be given in full, or without an address.
async fn udp_connect_from_a_given_address_and_port<W: Udp>(world: &W) -> Outcome {
    world.order(Order::Echo(7))?;
    for (local, port) in [(Family::V4.near(), 5_000), (Ipv4Addr::UNSPECIFIED.into(), 5_001)] {
        let connecting = world.stack().connect_from((local, port).into(), far(7));
        let (local, mut socket) =
            connecting.await.map_err(|error| failed("connect_from", &error))?;
        ensure(local == near(port), "another address")?;
        echoes(world, &mut socket).await?;
        let remote = world.look(|board| board.datagrams.last().map(|datagram| datagram.remote));
        ensure(remote == Some(near(port)), "sends from another address")?;
    }
    Ok(())
}

/// A socket, and where the far end sees it.
async fn known<W: Udp>(world: &W, port: u16) -> Outcome<(Socket<W>, SocketAddr)> {
    world.order(Order::Take(port))?;
    let (_, mut socket) = connect(world, far(port)).await?;
    send(world, &mut socket, b"hello").await?;
    shown(world, "delivery", |board| !board.datagrams.is_empty()).await?;
    Ok((socket, world.look(|board| board.datagrams[0].remote)))
}

/// Whoever else sends to its port is not heard.
async fn udp_a_connected_socket_hears_only_its_peer<W: Udp>(world: &W) -> Outcome {
    let (mut socket, to) = known(world, 9).await?;
    world.order(Order::Datagram { from: 10, to, data: b"stranger".to_vec() })?;
    world.order(Order::Datagram { from: 9, to, data: b"peer".to_vec() })?;
    ensure(receive(world, &mut socket, 16).await?.0 == b"peer", "hears a stranger")
}

/// One `receive_into`, one datagram, even an empty one.
async fn udp_datagrams_keep_their_bounds<W: Udp>(world: &W) -> Outcome {
    world.order(Order::Echo(7))?;
    let (_, mut socket) = connect(world, far(7)).await?;
    let datagrams: [&[u8]; 3] = [b"one", b"", b"three"];
    for data in datagrams {
        send(world, &mut socket, data).await?;
    }
    for data in datagrams {
        ensure(receive(world, &mut socket, 16).await?.0 == data, "other data came back")?;
    }
    Ok(())
}

/// The buffer is filled, the rest is gone, and the length says so.
async fn udp_a_cut_datagram_tells_its_full_length<W: Udp>(world: &W) -> Outcome {
    world.order(Order::Echo(7))?;
    let (_, mut socket) = connect(world, far(7)).await?;
    send(world, &mut socket, b"a long one").await?;
    send(world, &mut socket, b"next").await?;
    let (data, size) = receive(world, &mut socket, 6).await?;
    ensure(data == b"a long", "other data")?;
    ensure(receive(world, &mut socket, 6).await?.0 == b"next", "the rest is not gone")?;
    ensure(size == 10, "the length of the buffer")
}

/// Nothing has come yet.
async fn udp_receive_waits_for_a_datagram<W: Udp>(world: &W) -> Outcome {
    let (mut socket, to) = known(world, 9).await?;
    let mut buffer = [0; 16];
    let order = Order::Datagram { from: 9, to, data: b"hello".to_vec() };
    let received = woken_by(world, order, "receive", socket.receive_into(&mut buffer)).await?;
    let size = received.map_err(|error| failed("receive", &error))?;
    ensure(&buffer[..size] == b"hello", "other data")
}

/// Whether it is given up before the datagram comes, or just after.
async fn udp_a_dropped_receive_loses_nothing<W: Udp>(world: &W) -> Outcome {
    let (mut socket, to) = known(world, 9).await?;
    given_up(socket.receive_into(&mut [0; 16])).await;
    let order = Order::Datagram { from: 9, to, data: b"hello".to_vec() };
    given_up_after(world, order, "receive", socket.receive_into(&mut [0; 16])).await?;
    ensure(receive(world, &mut socket, 16).await?.0 == b"hello", "other data")
}

/// No room is a matter of time, not a failure.
async fn udp_send_waits_for_room<W: Udp>(world: &W) -> Outcome {
    world.order(Order::Take(9))?;
    let (_, mut socket) = connect(world, far(9)).await?;
    for _ in 0..1_000 {
        send(world, &mut socket, &[0; 512]).await?;
    }
    Ok(())
}

/// What can never be sent must not be tried for ever.
async fn udp_a_datagram_too_large_to_send_is_an_error<W: Udp>(world: &W) -> Outcome {
    world.order(Order::Take(9))?;
    let (_, mut socket) = connect(world, far(9)).await?;
    let sent = within(world, "error", socket.send(&[0; 70_000])).await?;
    ensure(sent.is_err(), "Ok")
}

/// An address is a `SocketAddr` of either version.
async fn udp_ipv6_exchanges<W: Udp>(world: &W) -> Outcome {
    world.order(Order::Echo(7))?;
    let (local, mut socket) = connect(world, SocketAddr::new(Family::V6.far(), 7)).await?;
    echoes(world, &mut socket).await?;
    ensure(local.ip() == Family::V6.near(), "another address")
}

/// What was sent is sent, and a pool of one has its slot for the next one.
async fn udp_a_dropped_socket_still_sends<W: Udp>(world: &W) -> Outcome {
    world.order(Order::Take(9))?;
    for count in 1..=20 {
        let (_, mut socket) = connect(world, far(9)).await?;
        send(world, &mut socket, b"hello").await?;
        drop(socket);
        shown(world, "delivery", |board| board.datagrams.len() == count).await?;
    }
    Ok(())
}

/// A stack with a limit says so; one without has no need to.
async fn udp_too_many_sockets_are_an_error<W: Udp>(world: &W) -> Outcome {
    world.order(Order::Echo(7))?;
    let mut sockets = Vec::new();
    for _ in 0..100 {
        match within(world, "answer from connect", world.stack().connect(far(7))).await? {
            Ok(socket) => sockets.push(socket),
            Err(_) => break,
        }
    }
    ensure(sockets.pop().is_some(), "not even one")?;
    let (_, mut socket) = connect(world, far(7)).await?;
    echoes(world, &mut socket).await
}
