//! `UdpStack`: sockets that are bound.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use embedded_nal_async::{UdpStack, UnconnectedUdp};

use super::super::tasks;
use super::connected::Udp;
use crate::far::{Datagram, Order};
use crate::tasks::{Tasks, a_while, given_up, given_up_after, shown, within, woken_by};
use crate::{Family, Outcome, ensure, failed, far, near};

tasks! { Udp, [&'static Net]:
    udp_bind_single_gives_a_full_local_address from "UdpStack::bind_single",
    udp_bind_single_answers_whoever_asks from "UdpStack::bind_single",
    udp_bind_single_hears_of_its_address_only from "UdpStack::bind_single",
    udp_bind_single_cut_datagrams_tell_their_full_length from "UnconnectedUdp::receive_into",
    udp_bind_multiple_answers_from_where_it_was_asked from "UdpStack::bind_multiple",
    udp_bind_multiple_hears_ipv6 from "UdpStack::bind_multiple",
    udp_bind_multiple_cut_datagrams_tell_their_full_length from "UnconnectedUdp::receive_into",
    udp_send_from_an_unspecified_address_and_port from "UnconnectedUdp::send",
    udp_send_from_an_unspecified_address_of_the_other_version
        from "embedded-nal-coap 0.1.0-alpha.6",
    udp_requests_are_answered_while_the_next_one_comes from "embedded-nal-coap 0.1.0-alpha.6",
    udp_empty_datagrams_are_datagrams from "UnconnectedUdp::receive_into",
    udp_bound_receive_waits_for_a_datagram from "UnconnectedUdp::receive_into",
    udp_a_receive_dropped_by_a_select_loses_nothing from "embedded-nal-coap 0.1.0-alpha.6",
    udp_bind_to_a_taken_port_is_an_error from "UdpStack::bind_single",
    udp_a_dropped_socket_leaves_its_port (ONE) from "UdpStack::bind_single",
}

const PORT: u16 = 5_683;

fn anywhere(port: u16) -> SocketAddr {
    (Ipv4Addr::UNSPECIFIED, port).into()
}

type Single<W> = <<W as Tasks>::Stack as UdpStack>::UniquelyBound;
type Multiple<W> = <<W as Tasks>::Stack as UdpStack>::MultiplyBound;

async fn single<W: Udp>(world: &W, local: SocketAddr) -> Outcome<(SocketAddr, Single<W>)> {
    let binding = within(world, "socket", world.stack().bind_single(local)).await?;
    binding.map_err(|error| failed("bind_single", &error))
}

async fn multiple<W: Udp>(world: &W, local: SocketAddr) -> Outcome<Multiple<W>> {
    let binding = within(world, "socket", world.stack().bind_multiple(local)).await?;
    binding.map_err(|error| failed("bind_multiple", &error))
}

async fn send<W: Udp>(
    world: &W,
    socket: &mut impl UnconnectedUdp,
    local: SocketAddr,
    remote: SocketAddr,
    data: &[u8],
) -> Outcome {
    let sent = within(world, "room", socket.send(local, remote, data)).await?;
    sent.map_err(|error| failed("send", &error))
}

/// A datagram, or the first of its bytes.
struct Received {
    data: Vec<u8>,
    size: usize,
    local: SocketAddr,
    remote: SocketAddr,
}

async fn receive<W: Udp>(
    world: &W,
    socket: &mut impl UnconnectedUdp,
    room: usize,
) -> Outcome<Received> {
    let mut data = vec![0; room];
    let received = within(world, "data", socket.receive_into(&mut data)).await?;
    let (size, local, remote) = received.map_err(|error| failed("receive", &error))?;
    data.truncate(size);
    Ok(Received { data, size, local, remote })
}

fn say(to: SocketAddr, data: &[u8]) -> Order {
    Order::Datagram { from: 9, to, data: data.to_vec() }
}

/// Waits for a datagram at the far end.
async fn delivered<W: Udp>(world: &W, data: &[u8]) -> Outcome<Datagram> {
    let is_it = |datagram: &&Datagram| datagram.data == data;
    shown(world, "delivery", |board| board.datagrams.iter().any(|datagram| is_it(&datagram)))
        .await?;
    world
        .look(|board| board.datagrams.iter().find(is_it).cloned())
        .ok_or_else(|| "no delivery".to_owned())
}

/// One asks, and is answered from where it asked.
async fn answers<W: Udp>(world: &W, socket: &mut impl UnconnectedUdp) -> Outcome {
    world.order(say(near(PORT), b"question"))?;
    let asked = receive(world, socket, 16).await?;
    ensure(asked.data == b"question", "other data")?;
    ensure(asked.remote == far(9), "another remote address")?;
    ensure(asked.local == near(PORT), &format!("tells of {}", asked.local.ip()))?;
    send(world, socket, asked.local, asked.remote, b"answer").await?;
    ensure(delivered(world, b"answer").await?.remote == near(PORT), "from another address")
}

/// An unspecified address becomes one of the interface's, and port 0 one that is free.
async fn udp_bind_single_gives_a_full_local_address<W: Udp>(world: &W) -> Outcome {
    world.order(Order::Take(9))?;
    let (local, mut socket) = single(world, anywhere(0)).await?;
    ensure(local.port() != 0, "no port")?;
    send(world, &mut socket, local, far(9), b"hello").await?;
    ensure(delivered(world, b"hello").await?.remote.port() == local.port(), "another port")?;
    ensure(local.ip() == Family::V4.near(), "an unspecified address")
}

/// From the one address that it has.
async fn udp_bind_single_answers_whoever_asks<W: Udp>(world: &W) -> Outcome {
    let (local, mut socket) = single(world, near(PORT)).await?;
    ensure(local == near(PORT), "another local address")?;
    answers(world, &mut socket).await
}

/// What comes to another address of the host is for somebody else.
async fn udp_bind_single_hears_of_its_address_only<W: Udp>(world: &W) -> Outcome {
    let (_, mut socket) = single(world, near(PORT)).await?;
    world.order(say(SocketAddr::new(Family::V6.near(), PORT), b"other"))?;
    a_while(world).await;
    world.order(say(near(PORT), b"own"))?;
    ensure(receive(world, &mut socket, 16).await?.data == b"own", "other data")
}

/// The buffer is filled, the rest is gone, and the length says so.
async fn cut<W: Udp>(world: &W, socket: &mut impl UnconnectedUdp) -> Outcome {
    world.order(say(near(PORT), b"a long one"))?;
    world.order(say(near(PORT), b"next"))?;
    let received = receive(world, socket, 6).await?;
    ensure(received.data == b"a long", "other data")?;
    ensure(receive(world, socket, 6).await?.data == b"next", "the rest is not gone")?;
    ensure(received.size == 10, "the length of the buffer")
}

async fn udp_bind_single_cut_datagrams_tell_their_full_length<W: Udp>(world: &W) -> Outcome {
    let (_, mut socket) = single(world, near(PORT)).await?;
    cut(world, &mut socket).await
}

async fn udp_bind_multiple_cut_datagrams_tell_their_full_length<W: Udp>(world: &W) -> Outcome {
    let mut socket = multiple(world, anywhere(PORT)).await?;
    cut(world, &mut socket).await
}

/// It has no single address, and so tells at which one a datagram came.
async fn udp_bind_multiple_answers_from_where_it_was_asked<W: Udp>(world: &W) -> Outcome {
    let mut socket = multiple(world, anywhere(PORT)).await?;
    answers(world, &mut socket).await
}

/// The same for the other version.
async fn udp_bind_multiple_hears_ipv6<W: Udp>(world: &W) -> Outcome {
    let here = SocketAddr::new(Family::V6.near(), PORT);
    let mut socket = multiple(world, (Ipv6Addr::UNSPECIFIED, PORT).into()).await?;
    world.order(say(here, b"question"))?;
    let asked = receive(world, &mut socket, 16).await?;
    ensure(asked.local == here, "another local address")?;
    send(world, &mut socket, asked.local, asked.remote, b"answer").await?;
    ensure(delivered(world, b"answer").await?.remote == here, "from another address")
}

/// That is how a client begins.
async fn udp_send_from_an_unspecified_address_and_port<W: Udp>(world: &W) -> Outcome {
    world.order(Order::Take(9))?;
    let mut socket = multiple(world, anywhere(PORT)).await?;
    send(world, &mut socket, anywhere(0), far(9), b"hello").await?;
    ensure(delivered(world, b"hello").await?.remote == near(PORT), "from another address")
}

/// embedded-nal-coap says `[::]:0`, whomever it sends to.
async fn udp_send_from_an_unspecified_address_of_the_other_version<W: Udp>(world: &W) -> Outcome {
    world.order(Order::Take(9))?;
    let mut socket = multiple(world, anywhere(PORT)).await?;
    let local = (Ipv6Addr::UNSPECIFIED, 0).into();
    send(world, &mut socket, local, far(9), b"hello").await?;
    ensure(delivered(world, b"hello").await?.remote == near(PORT), "from another address")
}

/// A server that answers late still knows whom.
async fn udp_requests_are_answered_while_the_next_one_comes<W: Udp>(world: &W) -> Outcome {
    let mut socket = multiple(world, anywhere(PORT)).await?;
    for from in [9, 10, 11] {
        world.order(Order::Datagram { from, to: near(PORT), data: vec![from as u8] })?;
    }
    for _ in 0..3 {
        let asked = receive(world, &mut socket, 16).await?;
        send(world, &mut socket, asked.local, asked.remote, &asked.data).await?;
    }
    for from in [9, 10, 11] {
        ensure(delivered(world, &[from as u8]).await?.local == from, "somebody else's answer")?;
    }
    Ok(())
}

/// In both directions.
async fn udp_empty_datagrams_are_datagrams<W: Udp>(world: &W) -> Outcome {
    let mut socket = multiple(world, anywhere(PORT)).await?;
    world.order(say(near(PORT), b""))?;
    let asked = receive(world, &mut socket, 16).await?;
    ensure(asked.data.is_empty() && asked.remote == far(9), "other data")?;
    send(world, &mut socket, asked.local, asked.remote, b"").await?;
    ensure(delivered(world, b"").await?.remote == near(PORT), "from another address")
}

/// Nothing has come yet.
async fn udp_bound_receive_waits_for_a_datagram<W: Udp>(world: &W) -> Outcome {
    let mut socket = multiple(world, anywhere(PORT)).await?;
    let mut buffer = [0; 16];
    let order = say(near(PORT), b"hello");
    let received = woken_by(world, order, "receive", socket.receive_into(&mut buffer)).await?;
    let (size, _, _) = received.map_err(|error| failed("receive", &error))?;
    ensure(&buffer[..size] == b"hello", "other data")
}

/// It sends in between, whether a datagram has come by then or not.
async fn udp_a_receive_dropped_by_a_select_loses_nothing<W: Udp>(world: &W) -> Outcome {
    world.order(Order::Take(9))?;
    let mut socket = multiple(world, anywhere(PORT)).await?;
    for text in [b"1", b"2", b"3"] {
        given_up(socket.receive_into(&mut [0; 16])).await;
        let order = say(near(PORT), text);
        given_up_after(world, order, "receive", socket.receive_into(&mut [0; 16])).await?;
        send(world, &mut socket, anywhere(0), far(9), text).await?;
        ensure(receive(world, &mut socket, 16).await?.data == text, "other data")?;
        delivered(world, text).await?;
    }
    Ok(())
}

/// Two cannot have it.
async fn udp_bind_to_a_taken_port_is_an_error<W: Udp>(world: &W) -> Outcome {
    let (_, _taken) = single(world, near(PORT)).await?;
    let again = within(world, "error", world.stack().bind_single(near(PORT))).await?;
    ensure(again.is_err(), "Ok")
}

/// The next one can have it at once.
async fn udp_a_dropped_socket_leaves_its_port<W: Udp>(world: &W) -> Outcome {
    for _ in 0..5 {
        let (_, mut socket) = single(world, near(PORT)).await?;
        answers(world, &mut socket).await?;
    }
    Ok(())
}
