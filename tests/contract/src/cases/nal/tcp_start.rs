//! `TcpClientStack`: connecting, and sockets to connect with.

use embedded_nal::{TcpClientStack, nb};

use super::cases;
use super::tcp_client::{Tcp, close, connect, connected, echoes, listen_in, open, send_all};
use crate::far::{Order, Role};
use crate::{Family, Outcome, ensure, far, settled, until};

use std::net::SocketAddr;
use std::time::Duration;

cases! { Tcp:
    connect_polled_to_the_end_gives_a_connection from "TcpClientStack::connect",
    connect_would_block_and_does_not_block from "TcpClientStack::connect",
    a_refused_connect_is_an_error from "minimq 0.10",
    a_refused_socket_connects_again from "minimq 0.10",
    connect_after_ok_starts_anew (ONE) from "minimq 0.10",
    connect_to_another_address_while_pending from "TcpClientStack::connect",
    a_black_holed_connect_ends from "embedded-redis 0.8",
    too_many_sockets_are_an_error from "TcpClientStack::socket",
    a_socket_closed_while_connecting_is_free (ONE) from "TcpClientStack::close",
    a_hundred_connections_one_after_the_other from "TcpClientStack::close",
}

fn nobody() -> SocketAddr {
    SocketAddr::new(Family::V4.nobody(), 80)
}

/// `Ok` means connected: the peer has it, too, and both can talk.
fn connect_polled_to_the_end_gives_a_connection<W: Tcp>(world: &mut W) -> Outcome {
    world.order(Order::Serve(80, Role::Echo))?;
    let mut socket = connected(world, 80)?;
    echoes(world, &mut socket, b"hello")
}

/// A connection takes a while, and meanwhile the client has other things to do.
fn connect_would_block_and_does_not_block<W: Tcp>(world: &mut W) -> Outcome {
    let mut socket = open(world)?;
    let start = world.now();
    let connecting = world.stack().connect(&mut socket, nobody());
    ensure(world.now() - start < Duration::from_secs(1), "blocks")?;
    match connecting {
        Err(nb::Error::WouldBlock) => Ok(()),
        Ok(()) => Err("Ok".to_owned()),
        Err(nb::Error::Other(error)) => Err(crate::failed("connect", &error)),
    }
}

/// minimq polls `connect` until it is told of an end, and then waits before it tries again.
fn a_refused_connect_is_an_error<W: Tcp>(world: &mut W) -> Outcome {
    let mut socket = open(world)?;
    let connecting = settled(world, "error", |stack| stack.connect(&mut socket, far(80)))?;
    ensure(connecting.is_err(), "Ok")
}

/// minimq keeps its socket after an error.
fn a_refused_socket_connects_again<W: Tcp>(world: &mut W) -> Outcome {
    let mut socket = open(world)?;
    for _ in 0..1_000 {
        match world.stack().connect(&mut socket, far(80)) {
            Err(nb::Error::WouldBlock) => world.pass(),
            _ => break,
        }
    }
    world.order(Order::Serve(80, Role::Echo))?;
    connect(world, &mut socket, far(80))?;
    echoes(world, &mut socket, b"hello")
}

/// minimq connects its socket anew when the broker does not answer, without closing it.
fn connect_after_ok_starts_anew<W: Tcp>(world: &mut W) -> Outcome {
    world.order(Order::Serve(80, Role::Sink))?;
    let mut socket = connected(world, 80)?;
    send_all(world, &mut socket, b"first")?;
    until(world, "delivery", |world| {
        listen_in(world, &mut socket);
        world.look(|board| board.at(80).any(|entry| entry.received == b"first")).then_some(())
    })?;
    connect(world, &mut socket, far(80))?;
    send_all(world, &mut socket, b"second")?;
    until(world, "delivery", |world| {
        listen_in(world, &mut socket);
        world.look(|board| {
            board.at(80).any(|entry| entry.received.ends_with(b"second")).then_some(())
        })
    })?;
    world.look(|board| {
        let mut entries = board.at(80);
        let ended = entries.next().is_some_and(|old| old.end.is_some());
        let anew = entries.any(|new| new.received == b"second");
        ensure(ended && anew, "goes on with the old connection")
    })
}

/// The address is an argument of every call, so the last one counts.
fn connect_to_another_address_while_pending<W: Tcp>(world: &mut W) -> Outcome {
    world.order(Order::Serve(80, Role::Echo))?;
    let mut socket = open(world)?;
    let _ = world.stack().connect(&mut socket, nobody());
    connect(world, &mut socket, far(80))?;
    echoes(world, &mut socket, b"hello")
}

/// Clients wait for `connect` without a limit of their own.
fn a_black_holed_connect_ends<W: Tcp>(world: &mut W) -> Outcome {
    let mut socket = open(world)?;
    let connecting = settled(world, "error", |stack| stack.connect(&mut socket, nobody()))?;
    ensure(connecting.is_err(), "Ok")
}

/// A stack with a limit says so; one without has no need to.
fn too_many_sockets_are_an_error<W: Tcp>(world: &mut W) -> Outcome {
    let mut sockets: Vec<_> = (0..1_000).map_while(|_| world.stack().socket().ok()).collect();
    let last = sockets.pop().ok_or("not even one")?;
    close(world, last)?;
    open(world).map(drop)
}

/// The only slot comes back whether the socket was ever connected or is still connecting.
fn a_socket_closed_while_connecting_is_free<W: Tcp>(world: &mut W) -> Outcome {
    world.order(Order::Serve(80, Role::Echo))?;
    let unused = open(world)?;
    close(world, unused)?;
    let mut pending = open(world)?;
    let _ = world.stack().connect(&mut pending, nobody());
    close(world, pending)?;
    let mut socket = connected(world, 80)?;
    echoes(world, &mut socket, b"hello")
}

/// A slot is free again once its connection is closed, and so is its port.
fn a_hundred_connections_one_after_the_other<W: Tcp>(world: &mut W) -> Outcome {
    world.order(Order::Serve(80, Role::Echo))?;
    for _ in 0..100 {
        let mut socket = connected(world, 80)?;
        echoes(world, &mut socket, b"hello")?;
        close(world, socket)?;
    }
    Ok(())
}
