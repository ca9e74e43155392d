//! `TcpClientStack`: what its cases share, and those about data on a connection.

use std::net::SocketAddr;

use embedded_nal::{TcpClientStack, TcpError, TcpErrorKind, nb};

use super::{cases, tcp_end, tcp_start};
use crate::far::{Order, Role};
use crate::{Case, Outcome, Unpolled, World, done, ensure, failed, far, settled, shown, until};

/// A world whose stack has TCP clients.
pub trait Tcp: World<Stack: TcpClientStack> {}

impl<W: World<Stack: TcpClientStack>> Tcp for W {}

pub(super) type Socket<W> = <<W as World>::Stack as TcpClientStack>::TcpSocket;
pub(super) type Error<W> = <<W as World>::Stack as TcpClientStack>::Error;

/// All cases of the trait: connecting, exchanging, ending.
pub fn all<W: Tcp>() -> Vec<Case<W>> {
    [tcp_start::cases(), cases(), tcp_end::cases()].into_iter().flatten().collect()
}

cases! { Tcp:
    send_takes_a_part_and_all_of_it_arrives_in_order from "TcpClientStack::send",
    send_without_room_would_block from "TcpClientStack::send",
    receive_without_data_would_block from "TcpClientStack::receive",
    receive_never_gives_zero_bytes from "embedded-redis 0.8",
    receive_into_small_buffers_loses_nothing from "TcpClientStack::receive",
    receive_into_an_empty_buffer_is_no_end from "minimq 0.10",
    send_and_receive_before_connect_are_errors from "TcpClientStack::socket",
    two_clients_on_one_stack_do_not_mix from "SharableStack::acquire",
    ipv6_connects_and_exchanges from "TcpClientStack::connect",
    a_loop_on_nb_ends_without_a_poll_from_outside from "minimq 0.10",
}

/// Bytes that tell their place.
pub(super) fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|n| (n % 251) as u8).collect()
}

pub(super) fn open<W: Tcp>(world: &mut W) -> Outcome<Socket<W>> {
    world.stack().socket().map_err(|error| failed("socket", &error))
}

pub(super) fn connect<W: Tcp>(
    world: &mut W,
    socket: &mut Socket<W>,
    remote: SocketAddr,
) -> Outcome {
    done(world, "connect", |stack| stack.connect(socket, remote))
}

/// A connection to a port of the far end, and the far end knows of it.
pub(super) fn connected<W: Tcp>(world: &mut W, port: u16) -> Outcome<Socket<W>> {
    let mut socket = open(world)?;
    let before = world.look(|board| board.at(port).count());
    connect(world, &mut socket, far(port))?;
    shown(world, "connection at the far end", |board| board.at(port).count() > before)?;
    Ok(socket)
}

pub(super) fn close<W: Tcp>(world: &mut W, socket: Socket<W>) -> Outcome {
    world.stack().close(socket).map_err(|error| failed("close", &error))
}

pub(super) fn send_all<W: Tcp>(world: &mut W, socket: &mut Socket<W>, data: &[u8]) -> Outcome {
    let mut sent = 0;
    while sent < data.len() {
        sent += until(world, "room to send", |world| {
            match world.stack().send(socket, &data[sent..]) {
                Ok(0) | Err(nb::Error::WouldBlock) => None,
                Ok(size) => Some(Ok(size)),
                Err(nb::Error::Other(error)) => Some(Err(failed("send", &error))),
            }
        })??;
    }
    Ok(())
}

pub(super) fn receive_exactly<W: Tcp>(
    world: &mut W,
    socket: &mut Socket<W>,
    size: usize,
) -> Outcome<Vec<u8>> {
    let mut data = vec![0; size];
    let mut received = 0;
    while received < size {
        let rest = &mut data[received..];
        received += until(world, "data", |world| match world.stack().receive(socket, rest) {
            Ok(0) | Err(nb::Error::WouldBlock) => None,
            Ok(size) => Some(Ok(size)),
            Err(nb::Error::Other(error)) => Some(Err(failed("receive", &error))),
        })??;
    }
    Ok(data)
}

pub(super) fn echoes<W: Tcp>(world: &mut W, socket: &mut Socket<W>, data: &[u8]) -> Outcome {
    send_all(world, socket, data)?;
    ensure(receive_exactly(world, socket, data.len())? == data, "other data came back")
}

/// What a client does that has nothing else to do: it asks for data, and so gives the stack a
/// chance to work.
pub(super) fn listen_in<W: Tcp>(world: &mut W, socket: &mut Socket<W>) {
    let _ = world.stack().receive(socket, &mut [0; 16]);
}

/// The number of bytes written may be less than the buffer; the rest is offered again.
fn send_takes_a_part_and_all_of_it_arrives_in_order<W: Tcp>(world: &mut W) -> Outcome {
    world.order(Order::Serve(80, Role::Sink))?;
    let mut socket = connected(world, 80)?;
    let data = pattern(50_000);
    send_all(world, &mut socket, &data)?;
    until(world, "delivery", |world| {
        listen_in(world, &mut socket);
        world
            .look(|board| board.at(80).any(|entry| entry.received.len() >= data.len()))
            .then_some(())
    })?;
    ensure(world.look(|board| board.at(80).any(|entry| entry.received == data)), "other data")
}

/// A client that is told of zero bytes written cannot tell "later" from "never".
fn send_without_room_would_block<W: Tcp>(world: &mut W) -> Outcome {
    world.order(Order::Serve(80, Role::Hold))?;
    let mut socket = connected(world, 80)?;
    let chunk = [0; 8_192];
    for _ in 0..10_000 {
        match world.stack().send(&mut socket, &chunk) {
            Ok(0) => return Err("Ok(0)".to_owned()),
            Ok(_) => {}
            Err(nb::Error::WouldBlock) => {
                world.order(Order::Drain)?;
                return done(world, "send", |stack| stack.send(&mut socket, &chunk)).map(drop);
            }
            Err(nb::Error::Other(error)) => return Err(failed("send", &error)),
        }
    }
    Err("takes without end".to_owned())
}

/// Nothing has come yet: that is what `WouldBlock` is for.
fn receive_without_data_would_block<W: Tcp>(world: &mut W) -> Outcome {
    world.order(Order::Serve(80, Role::Hold))?;
    let mut socket = connected(world, 80)?;
    match world.stack().receive(&mut socket, &mut [0; 16]) {
        Err(nb::Error::WouldBlock) => Ok(()),
        Ok(size) => Err(format!("Ok({size})")),
        Err(nb::Error::Other(error)) => Err(failed("receive", &error)),
    }
}

/// embedded-redis asks again for ever when it gets nothing and no error.
fn receive_never_gives_zero_bytes<W: Tcp>(world: &mut W) -> Outcome {
    // More than fits into a window, so that there are gaps.
    world.order(Order::Serve(80, Role::Source(pattern(50_000))))?;
    let mut socket = connected(world, 80)?;
    until(world, "end", |world| {
        loop {
            match world.stack().receive(&mut socket, &mut [0; 100]) {
                Ok(0) => return Some(Err("Ok(0)".to_owned())),
                Ok(_) => {}
                Err(nb::Error::WouldBlock) => return None,
                Err(nb::Error::Other(_)) => return Some(Ok(())),
            }
        }
    })?
}

/// The bytes are in `buffer[0..n]`, and those that do not fit are kept: rust-mqtt reads one at a
/// time.
fn receive_into_small_buffers_loses_nothing<W: Tcp>(world: &mut W) -> Outcome {
    let data = pattern(3_000);
    world.order(Order::Serve(80, Role::Source(data.clone())))?;
    let mut socket = connected(world, 80)?;
    for expected in data.chunks(1) {
        let received = receive_exactly(world, &mut socket, 1)?;
        ensure(received == expected, "other data")?;
    }
    Ok(())
}

/// minimq receives into what is left of its buffer, and that may be nothing. It then takes
/// `PipeClosed` for the end, even if there is data.
fn receive_into_an_empty_buffer_is_no_end<W: Tcp>(world: &mut W) -> Outcome {
    world.order(Order::Serve(80, Role::Hold))?;
    world.order(Order::Serve(81, Role::Source(b"bye".to_vec())))?;
    let mut idle = connected(world, 80)?;
    is_no_end::<W>(world.stack().receive(&mut idle, &mut []), "")?;
    let mut ended = connected(world, 81)?;
    receive_exactly(world, &mut ended, 3)?;
    for _ in 0..100 {
        listen_in(world, &mut ended);
        world.pass();
    }
    is_no_end::<W>(world.stack().receive(&mut ended, &mut []), " at the end")
}

fn is_no_end<W: Tcp>(received: nb::Result<usize, Error<W>>, when: &str) -> Outcome {
    match received {
        Ok(0) | Err(nb::Error::WouldBlock) => Ok(()),
        Ok(_) => Err(format!("data out of nothing{when}")),
        Err(nb::Error::Other(error)) => match error.kind() {
            TcpErrorKind::PipeClosed => Err(format!("PipeClosed{when}")),
            _ => Err(failed("receive", &error)),
        },
    }
}

/// The socket must be connected before it can be used; and it can be, after such a mistake.
fn send_and_receive_before_connect_are_errors<W: Tcp>(world: &mut W) -> Outcome {
    world.order(Order::Serve(80, Role::Echo))?;
    let mut socket = open(world)?;
    let sent = world.stack().send(&mut socket, b"x");
    ensure(matches!(sent, Err(nb::Error::Other(_))), "send: no error")?;
    let received = world.stack().receive(&mut socket, &mut [0; 16]);
    ensure(matches!(received, Err(nb::Error::Other(_))), "receive: no error")?;
    connect(world, &mut socket, far(80))?;
    echoes(world, &mut socket, b"hello")
}

/// embedded-nal's own way of sharing hands one stack to several clients.
fn two_clients_on_one_stack_do_not_mix<W: Tcp>(world: &mut W) -> Outcome {
    world.order(Order::Serve(80, Role::Echo))?;
    let mut one = connected(world, 80)?;
    let mut two = connected(world, 80)?;
    send_all(world, &mut one, b"one")?;
    send_all(world, &mut two, b"two")?;
    ensure(receive_exactly(world, &mut two, 3)? == b"two", "another's data")?;
    ensure(receive_exactly(world, &mut one, 3)? == b"one", "another's data")
}

/// An address is a `SocketAddr` of either version.
fn ipv6_connects_and_exchanges<W: Tcp>(world: &mut W) -> Outcome {
    world.order(Order::Serve(80, Role::Echo))?;
    let mut socket = open(world)?;
    connect(world, &mut socket, SocketAddr::new(crate::Family::V6.far(), 80))?;
    echoes(world, &mut socket, b"hello")
}

/// minimq knows of no poll, and neither does `nb::block!`.
fn a_loop_on_nb_ends_without_a_poll_from_outside<W: Tcp>(world: &mut W) -> Outcome {
    let mut world = Unpolled(world);
    world.order(Order::Serve(80, Role::Echo))?;
    let mut socket = open(&mut world)?;
    let connecting =
        settled(&mut world, "answer from connect", |stack| stack.connect(&mut socket, far(80)));
    connecting?.map_err(|error| failed("connect", &error))?;
    echoes(&mut world, &mut socket, b"hello")
}
