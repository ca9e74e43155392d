//! `TcpFullStack`: servers.

use std::net::SocketAddr;

use embedded_nal::{TcpClientStack, TcpFullStack, nb};
use sockstate::Error as FarError;

use super::cases;
use super::tcp_client::{
    Error, Socket, close, connect, listen_in, open, receive_exactly, send_all,
};
use crate::far::{Order, Role};
use crate::{Family, Outcome, World, done, ensure, failed, far, near, until};

/// A world whose stack has TCP servers.
pub trait TcpServer: World<Stack: TcpFullStack> {}

impl<W: World<Stack: TcpFullStack>> TcpServer for W {}

cases! { TcpServer:
    accept_gives_a_connection_both_ways from "TcpFullStack::accept",
    accept_without_a_client_would_block from "TcpFullStack::accept",
    accept_tells_the_remote_endpoint from "TcpFullStack::accept",
    several_clients_that_wait_are_all_accepted from "TcpFullStack::accept",
    the_listener_goes_on_after_accept from "TcpFullStack::accept",
    an_accepted_client_that_closed_already_is_heard from "TcpFullStack::accept",
    bind_to_a_taken_port_is_an_error from "TcpFullStack::bind",
    bind_before_connect_gives_the_local_port from "TcpFullStack::bind",
    listen_without_bind_and_accept_without_listen_are_errors from "TcpFullStack::listen",
    a_closed_listener_refuses_and_leaves_its_port from "TcpClientStack::close",
    ipv6_accepts from "TcpFullStack::accept",
}

const PORT: u16 = 8_080;

fn listening<W: TcpServer>(world: &mut W, port: u16) -> Outcome<Socket<W>> {
    let mut listener = open(world)?;
    world.stack().bind(&mut listener, port).map_err(|error| failed("bind", &error))?;
    world.stack().listen(&mut listener).map_err(|error| failed("listen", &error))?;
    Ok(listener)
}

fn accept<W: TcpServer>(
    world: &mut W,
    listener: &mut Socket<W>,
) -> Outcome<(Socket<W>, SocketAddr)> {
    done(world, "accept", |stack| stack.accept(listener))
}

fn client(says: &[u8]) -> Order {
    Order::Dial(near(PORT), Role::Source(says.to_vec()))
}

/// A server with nothing to do asks for clients, and so gives the stack a chance to work.
fn look_around<W: TcpServer>(world: &mut W, listener: &mut Socket<W>) {
    let _ = world.stack().accept(listener);
}

/// A new connection for each client, which is as good as one that was connected.
fn accept_gives_a_connection_both_ways<W: TcpServer>(world: &mut W) -> Outcome {
    let mut listener = listening(world, PORT)?;
    world.order(client(b"question"))?;
    let (mut socket, _) = accept(world, &mut listener)?;
    ensure(receive_exactly(world, &mut socket, 8)? == b"question", "other data")?;
    send_all(world, &mut socket, b"answer")?;
    until(world, "delivery", |world| {
        listen_in(world, &mut socket);
        world
            .look(|board| board.connections.iter().any(|entry| entry.received == b"answer"))
            .then_some(())
    })
}

/// Nobody has come yet.
fn accept_without_a_client_would_block<W: TcpServer>(world: &mut W) -> Outcome {
    let mut listener = listening(world, PORT)?;
    match world.stack().accept(&mut listener) {
        Err(nb::Error::WouldBlock) => Ok(()),
        Ok(_) => Err("Ok".to_owned()),
        Err(nb::Error::Other(error)) => Err(failed("accept", &error)),
    }
}

/// The address beside the connection is the client's. An IPv4 address in the clothes of an IPv6
/// one is the same.
fn accept_tells_the_remote_endpoint<W: TcpServer>(world: &mut W) -> Outcome {
    let mut listener = listening(world, PORT)?;
    world.order(client(b""))?;
    let (_socket, remote) = accept(world, &mut listener)?;
    let remote = SocketAddr::new(remote.ip().to_canonical(), remote.port());
    let local = world.look(|board| board.connections.first().map_or(0, |entry| entry.local));
    ensure(remote == far(local), "another address")
}

/// Clients do not wait for each other to be accepted.
fn several_clients_that_wait_are_all_accepted<W: TcpServer>(world: &mut W) -> Outcome {
    let mut other = listening(world, PORT + 1)?;
    let mut listener = listening(world, PORT)?;
    for says in [b"1", b"2", b"3"] {
        world.order(client(says))?;
    }
    for _ in 0..200 {
        look_around(world, &mut other);
        world.pass();
    }
    let mut said = Vec::new();
    for _ in 0..3 {
        let (mut socket, _) = accept(world, &mut listener)?;
        said.extend(receive_exactly(world, &mut socket, 1)?);
        close(world, socket)?;
    }
    said.sort_unstable();
    ensure(said == b"123", "other clients")
}

/// The listening socket stays one.
fn the_listener_goes_on_after_accept<W: TcpServer>(world: &mut W) -> Outcome {
    let mut listener = listening(world, PORT)?;
    for says in [b"one", b"two"] {
        world.order(client(says))?;
        let (mut socket, _) = accept(world, &mut listener)?;
        ensure(receive_exactly(world, &mut socket, 3)? == says, "other data")?;
        close(world, socket)?;
    }
    Ok(())
}

/// What a client said counts, even if it did not wait for the server to take its call.
fn an_accepted_client_that_closed_already_is_heard<W: TcpServer>(world: &mut W) -> Outcome {
    let mut other = listening(world, PORT + 1)?;
    let mut listener = listening(world, PORT)?;
    world.order(Order::Dial(near(PORT), Role::SayAndClose(b"last words".to_vec())))?;
    for _ in 0..200 {
        look_around(world, &mut other);
        world.pass();
    }
    let (mut socket, _) = accept(world, &mut listener)?;
    ensure(receive_exactly(world, &mut socket, 10)? == b"last words", "other data")?;
    until(world, "end", |world| match world.stack().receive(&mut socket, &mut [0; 16]) {
        Err(nb::Error::WouldBlock) => None,
        Ok(0) | Err(nb::Error::Other(_)) => Some(Ok(())),
        Ok(_) => Some(Err("data after the last byte".to_owned())),
    })?
}

/// `Ok` means bound. A stack may find out when the second one listens.
fn bind_to_a_taken_port_is_an_error<W: TcpServer>(world: &mut W) -> Outcome {
    let _listener = listening(world, PORT)?;
    let mut second = open(world)?;
    let bound: Result<(), Error<W>> =
        world.stack().bind(&mut second, PORT).and_then(|()| world.stack().listen(&mut second));
    ensure(bound.is_err(), "Ok")
}

/// A socket that is bound to a port connects from it.
fn bind_before_connect_gives_the_local_port<W: TcpServer>(world: &mut W) -> Outcome {
    world.order(Order::Serve(80, Role::Sink))?;
    let mut socket = open(world)?;
    world.stack().bind(&mut socket, 6_001).map_err(|error| failed("bind", &error))?;
    connect(world, &mut socket, far(80))?;
    let remote = until(world, "connection at the far end", |world| {
        listen_in(world, &mut socket);
        world.look(|board| board.at(80).map(|entry| entry.remote).next())
    })?;
    ensure(remote == near(6_001), "another port")
}

/// Only a bound socket listens, and only a listening one accepts.
fn listen_without_bind_and_accept_without_listen_are_errors<W: TcpServer>(
    world: &mut W,
) -> Outcome {
    let mut socket = open(world)?;
    let accepted = world.stack().accept(&mut socket);
    ensure(matches!(accepted, Err(nb::Error::Other(_))), "accept: no error")?;
    ensure(world.stack().listen(&mut socket).is_err(), "listen: no error")
}

/// Nobody listens there any more, and so another one can. Connections that it took go on.
fn a_closed_listener_refuses_and_leaves_its_port<W: TcpServer>(world: &mut W) -> Outcome {
    let mut other = listening(world, PORT + 1)?;
    let mut listener = listening(world, PORT)?;
    world.order(client(b"before"))?;
    let (mut socket, _) = accept(world, &mut listener)?;
    close(world, listener)?;
    world.order(client(b"after"))?;
    until(world, "refusal", |world| {
        look_around(world, &mut other);
        world.look(|board| board.connections.get(1)?.end)
    })
    .and_then(|end| ensure(end == FarError::Refused, "not refused"))?;
    send_all(world, &mut socket, b"still here")?;
    listening(world, PORT).map(drop)
}

/// A port is one of both versions of IP.
fn ipv6_accepts<W: TcpServer>(world: &mut W) -> Outcome {
    let mut listener = listening(world, PORT)?;
    let near = SocketAddr::new(Family::V6.near(), PORT);
    world.order(Order::Dial(near, Role::Source(b"question".to_vec())))?;
    let (mut socket, remote) = accept(world, &mut listener)?;
    ensure(remote.ip() == Family::V6.far(), "another address")?;
    ensure(receive_exactly(world, &mut socket, 8)? == b"question", "other data")
}
