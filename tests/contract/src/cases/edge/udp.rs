//! `UdpBind`, `UdpConnect` and `UdpSplit`.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use edge_nal::{Readable, UdpBind, UdpConnect, UdpReceive, UdpSend, UdpSplit};
use futures_lite::future::zip;

use super::super::tasks;
use crate::far::{Datagram, Order};
use crate::tasks::{Tasks, a_while, given_up, given_up_after, shown, within, woken_by};
use crate::{Family, Outcome, ensure, failed, far, near};

/// A world whose stack has UDP sockets.
pub trait Udp: Tasks<Stack: UdpBind + UdpConnect> {}

impl<W: Tasks<Stack: UdpBind + UdpConnect>> Udp for W {}

tasks! { Udp, [&'static Net]:
    udp_bind_answers_whoever_asks from "UdpBind::bind",
    udp_bind_to_one_address_hears_of_it_only from "UdpBind::bind",
    udp_bind_hears_ipv6 from "UdpBind::bind",
    udp_bind_to_a_taken_port_is_an_error from "UdpBind::bind",
    udp_a_dropped_socket_leaves_its_port (ONE) from "UdpBind::bind",
    udp_connect_from_a_given_port from "UdpConnect::connect",
    udp_a_connected_socket_hears_only_its_peer from "UdpReceive::receive",
    udp_a_connected_socket_sends_to_its_peer_whatever_is_said from "UdpSend::send",
    udp_datagrams_keep_their_bounds from "UdpReceive::receive",
    udp_a_cut_datagram_tells_its_full_length from "UdpReceive::receive",
    udp_a_dropped_receive_loses_nothing from "UdpReceive::receive",
    udp_readable_waits_for_a_datagram_and_takes_none from "Readable::readable",
    udp_both_halves_work_at_once from "UdpSplit::split",
    udp_one_half_waits_while_the_other_works from "UdpSplit::split",
    udp_send_waits_for_room from "UdpSend::send",
    udp_a_datagram_too_large_to_send_is_an_error from "UdpSend::send",
}

pub(super) const PORT: u16 = 5_353;

pub(super) type Bound<'w, W> = <<W as Tasks>::Stack as UdpBind>::Socket<'w>;
type Connected<'w, W> = <<W as Tasks>::Stack as UdpConnect>::Socket<'w>;

fn anywhere(port: u16) -> SocketAddr {
    (Ipv4Addr::UNSPECIFIED, port).into()
}

pub(super) async fn bind<W: Udp>(world: &W, local: SocketAddr) -> Outcome<Bound<'_, W>> {
    let binding = within(world, "socket", UdpBind::bind(world.stack(), local)).await?;
    binding.map_err(|error| failed("bind", &error))
}

async fn connect<W: Udp>(
    world: &W,
    local: SocketAddr,
    remote: SocketAddr,
) -> Outcome<Connected<'_, W>> {
    let connecting = UdpConnect::connect(world.stack(), local, remote);
    let connected = within(world, "socket", connecting).await?;
    connected.map_err(|error| failed("connect", &error))
}

async fn send<W: Tasks>(
    world: &W,
    socket: &mut impl UdpSend,
    remote: SocketAddr,
    data: &[u8],
) -> Outcome {
    let sent = within(world, "room", socket.send(remote, data)).await?;
    sent.map_err(|error| failed("send", &error))
}

/// A datagram, or the first of its bytes.
struct Received {
    data: Vec<u8>,
    size: usize,
    remote: SocketAddr,
}

async fn receive<W: Tasks>(
    world: &W,
    socket: &mut impl UdpReceive,
    room: usize,
) -> Outcome<Received> {
    let mut data = vec![0; room];
    let received = within(world, "data", socket.receive(&mut data)).await?;
    let (size, remote) = received.map_err(|error| failed("receive", &error))?;
    data.truncate(size);
    Ok(Received { data, size, remote })
}

/// Makes sure that this is what comes next.
pub(super) async fn hears<W: Tasks>(
    world: &W,
    socket: &mut impl UdpReceive,
    data: &[u8],
) -> Outcome {
    ensure(receive(world, socket, 16).await?.data == data, "other data")
}

pub(super) fn say(to: SocketAddr, data: &[u8]) -> Order {
    Order::Datagram { from: 9, to, data: data.to_vec() }
}

async fn delivered<W: Tasks>(world: &W, data: &[u8]) -> Outcome<Datagram> {
    let is_it = |datagram: &&Datagram| datagram.data == data;
    shown(world, "delivery", |board| board.datagrams.iter().any(|datagram| is_it(&datagram)))
        .await?;
    world
        .look(|board| board.datagrams.iter().find(is_it).cloned())
        .ok_or_else(|| "no delivery".to_owned())
}

/// One asks at an address of this side, and is answered from there.
async fn answers<W: Tasks>(
    world: &W,
    socket: &mut (impl UdpReceive + UdpSend),
    here: SocketAddr,
) -> Outcome {
    world.order(say(here, b"question"))?;
    let asked = receive(world, socket, 16).await?;
    ensure(asked.data == b"question", "other data")?;
    let there = if here.is_ipv4() { Family::V4.far() } else { Family::V6.far() };
    ensure(asked.remote == SocketAddr::new(there, 9), "another remote address")?;
    send(world, socket, asked.remote, b"answer").await?;
    ensure(delivered(world, b"answer").await?.remote == here, "from another address")
}

/// Of whom it hears by asking.
async fn udp_bind_answers_whoever_asks<W: Udp>(world: &W) -> Outcome {
    let mut socket = bind(world, anywhere(PORT)).await?;
    answers(world, &mut socket, near(PORT)).await
}

/// What comes to another address of the host is for somebody else.
async fn udp_bind_to_one_address_hears_of_it_only<W: Udp>(world: &W) -> Outcome {
    let mut socket = bind(world, near(PORT)).await?;
    world.order(say(SocketAddr::new(Family::V6.near(), PORT), b"other"))?;
    a_while(world).await;
    answers(world, &mut socket, near(PORT)).await
}

/// An address is a `SocketAddr` of either version.
async fn udp_bind_hears_ipv6<W: Udp>(world: &W) -> Outcome {
    let mut socket = bind(world, (Ipv6Addr::UNSPECIFIED, PORT).into()).await?;
    answers(world, &mut socket, SocketAddr::new(Family::V6.near(), PORT)).await
}

/// Two cannot have it.
async fn udp_bind_to_a_taken_port_is_an_error<W: Udp>(world: &W) -> Outcome {
    let _taken = bind(world, anywhere(PORT)).await?;
    let again = within(world, "error", UdpBind::bind(world.stack(), anywhere(PORT))).await?;
    ensure(again.is_err(), "Ok")
}

/// The next one can have it at once, and what was sent is sent.
async fn udp_a_dropped_socket_leaves_its_port<W: Udp>(world: &W) -> Outcome {
    world.order(Order::Take(9))?;
    for count in 1..=20 {
        let mut socket = bind(world, anywhere(PORT)).await?;
        send(world, &mut socket, far(9), b"hello").await?;
        drop(socket);
        shown(world, "delivery", |board| board.datagrams.len() == count).await?;
    }
    Ok(())
}

/// Both ends are arguments.
async fn udp_connect_from_a_given_port<W: Udp>(world: &W) -> Outcome {
    world.order(Order::Echo(7))?;
    let mut socket = connect(world, anywhere(PORT), far(7)).await?;
    send(world, &mut socket, far(7), b"hello").await?;
    let echo = receive(world, &mut socket, 16).await?;
    ensure(echo.data == b"hello" && echo.remote == far(7), "other data came back")?;
    ensure(world.look(|board| board.datagrams[0].remote == near(PORT)), "another address")
}

/// Whoever else sends to its port is not heard.
async fn udp_a_connected_socket_hears_only_its_peer<W: Udp>(world: &W) -> Outcome {
    world.order(Order::Take(9))?;
    let mut socket = connect(world, anywhere(PORT), far(9)).await?;
    let stranger = Order::Datagram { from: 10, to: near(PORT), data: b"stranger".to_vec() };
    world.order(stranger)?;
    world.order(say(near(PORT), b"peer"))?;
    hears(world, &mut socket, b"peer").await
}

/// "The provided remote address is ignored".
async fn udp_a_connected_socket_sends_to_its_peer_whatever_is_said<W: Udp>(world: &W) -> Outcome {
    world.order(Order::Take(9))?;
    world.order(Order::Take(10))?;
    let mut socket = connect(world, anywhere(PORT), far(9)).await?;
    send(world, &mut socket, far(10), b"hello").await?;
    ensure(delivered(world, b"hello").await?.local == 9, "to another address")
}

/// One `receive`, one datagram, even an empty one.
async fn udp_datagrams_keep_their_bounds<W: Udp>(world: &W) -> Outcome {
    world.order(Order::Echo(7))?;
    let mut socket = bind(world, anywhere(PORT)).await?;
    let datagrams: [&[u8]; 3] = [b"one", b"", b"three"];
    for data in datagrams {
        send(world, &mut socket, far(7), data).await?;
    }
    for data in datagrams {
        hears(world, &mut socket, data).await?;
    }
    Ok(())
}

/// The buffer is filled, the rest is gone, and the length says so.
async fn udp_a_cut_datagram_tells_its_full_length<W: Udp>(world: &W) -> Outcome {
    let mut socket = bind(world, anywhere(PORT)).await?;
    world.order(say(near(PORT), b"a long one"))?;
    world.order(say(near(PORT), b"next"))?;
    let received = receive(world, &mut socket, 6).await?;
    ensure(received.data == b"a long", "other data")?;
    ensure(receive(world, &mut socket, 6).await?.data == b"next", "the rest is not gone")?;
    ensure(received.size == 10, "the length of the buffer")
}

/// Whether it is given up before the datagram comes, or just after.
async fn udp_a_dropped_receive_loses_nothing<W: Udp>(world: &W) -> Outcome {
    let mut socket = bind(world, anywhere(PORT)).await?;
    given_up(socket.receive(&mut [0; 16])).await;
    let order = say(near(PORT), b"hello");
    given_up_after(world, order, "receive", socket.receive(&mut [0; 16])).await?;
    hears(world, &mut socket, b"hello").await
}

/// Then there is something to receive.
async fn udp_readable_waits_for_a_datagram_and_takes_none<W: Udp>(world: &W) -> Outcome {
    let mut socket = bind(world, anywhere(PORT)).await?;
    let order = say(near(PORT), b"hello");
    let readable = woken_by(world, order, "readable", socket.readable()).await?;
    readable.map_err(|error| failed("readable", &error))?;
    hears(world, &mut socket, b"hello").await
}

/// One sends, the other receives.
async fn udp_both_halves_work_at_once<W: Udp>(world: &W) -> Outcome {
    world.order(Order::Echo(7))?;
    let mut socket = bind(world, anywhere(PORT)).await?;
    let (mut receiver, mut sender) = socket.split();
    let sending = async {
        for number in 0..100 {
            send(world, &mut sender, far(7), &[number]).await?;
            a_while(world).await;
        }
        Ok::<(), String>(())
    };
    let receiving = async {
        for number in 0..100 {
            hears(world, &mut receiver, &[number]).await?;
        }
        Ok(())
    };
    let (sent, received) = zip(sending, receiving).await;
    sent.and(received)
}

/// Receiving and sending do not wait for each other.
async fn udp_one_half_waits_while_the_other_works<W: Udp>(world: &W) -> Outcome {
    world.order(Order::Echo(7))?;
    let mut socket = bind(world, anywhere(PORT)).await?;
    let (mut receiver, mut sender) = socket.split();
    let sending = async {
        a_while(world).await;
        send(world, &mut sender, far(7), b"hello").await
    };
    let (received, sent) = zip(hears(world, &mut receiver, b"hello"), sending).await;
    sent.and(received)
}

/// No room is a matter of time, not a failure.
async fn udp_send_waits_for_room<W: Udp>(world: &W) -> Outcome {
    world.order(Order::Take(9))?;
    let mut socket = bind(world, anywhere(PORT)).await?;
    for _ in 0..1_000 {
        send(world, &mut socket, far(9), &[0; 512]).await?;
    }
    Ok(())
}

/// What can never be sent must not be tried for ever.
async fn udp_a_datagram_too_large_to_send_is_an_error<W: Udp>(world: &W) -> Outcome {
    world.order(Order::Take(9))?;
    let mut socket = bind(world, anywhere(PORT)).await?;
    let sent = within(world, "error", socket.send(far(9), &[0; 70_000])).await?;
    ensure(sent.is_err(), "Ok")
}
