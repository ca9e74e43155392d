//! `TcpBind` and `TcpAccept`.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use edge_nal::{Close, TcpAccept, TcpBind, TcpShutdown};
use futures_lite::future::zip;
use sockstate::Error as FarError;

use super::super::streams::{arrived, echoes, read, read_exactly, write_all};
use super::super::tasks;
use crate::far::{Order, Role};
use crate::tasks::{Tasks, a_while, given_up, given_up_after, shown, within, woken_by};
use crate::{Family, Outcome, ensure, failed, near};

/// A world whose stack has TCP servers.
pub trait Server: Tasks<Stack: TcpBind> {}

impl<W: Tasks<Stack: TcpBind>> Server for W {}

type Listener<'w, W> = <<W as Tasks>::Stack as TcpBind>::Accept<'w>;

tasks! { Server, [&'static Net] lossy [&'static Net]:
    accept_gives_a_connection_both_ways from "TcpAccept::accept",
    accept_tells_the_remote_address from "TcpAccept::accept",
    accept_waits_for_a_client from "TcpAccept::accept",
    several_tasks_accept_at_once_and_all_are_served from "edge-http 0.8",
    more_clients_than_tasks_are_all_served from "edge-http 0.8",
    clients_that_wait_are_all_accepted from "TcpAccept::accept",
    a_hundred_clients_one_after_the_other from "edge-http 0.8",
    a_dropped_accept_loses_no_client from "TcpAccept::accept",
    an_accepted_client_that_closed_already_is_heard from "TcpAccept::accept",
    bind_to_one_address_accepts from "TcpBind::bind",
    bind_to_a_taken_port_is_an_error from "TcpBind::bind",
    a_dropped_listener_refuses_and_leaves_its_port from "TcpBind::bind",
    a_dropped_listener_ends_those_that_wait (RESET) from "TcpBind::bind",
    ipv6_accepts from "TcpBind::bind",
}

const PORT: u16 = 8_080;

async fn listening<W: Server>(world: &W, local: SocketAddr) -> Outcome<Listener<'_, W>> {
    let binding = within(world, "listener", world.stack().bind(local)).await?;
    binding.map_err(|error| failed("bind", &error))
}

async fn at_port<W: Server>(world: &W) -> Outcome<Listener<'_, W>> {
    listening(world, (Ipv4Addr::UNSPECIFIED, PORT).into()).await
}

async fn accept<'l, W: Tasks, L: TcpAccept>(
    world: &W,
    listener: &'l L,
) -> Outcome<(SocketAddr, L::Socket<'l>)> {
    let accepting = within(world, "client", listener.accept()).await?;
    accepting.map_err(|error| failed("accept", &error))
}

fn client(says: &[u8]) -> Order {
    Order::Dial(near(PORT), Role::Source(says.to_vec()))
}

/// A new connection for each client, which is as good as one that was connected.
async fn accept_gives_a_connection_both_ways<W: Server>(world: &W) -> Outcome {
    let listener = at_port(world).await?;
    serves(world, &listener).await
}

/// A client is accepted and answered.
async fn serves<W: Tasks, L: TcpAccept>(world: &W, listener: &L) -> Outcome {
    world.order(client(b"question"))?;
    let (_, mut socket) = accept(world, listener).await?;
    ensure(read_exactly(world, &mut socket, 8).await? == b"question", "other data")?;
    write_all(world, &mut socket, b"answer").await?;
    arrived(world, b"answer").await
}

/// The address of "the remote peer", and not that of this side.
async fn accept_tells_the_remote_address<W: Server>(world: &W) -> Outcome {
    let listener = at_port(world).await?;
    world.order(Order::Dial(near(PORT), Role::Sink))?;
    let (remote, _socket) = accept(world, &listener).await?;
    shown(world, "connection", |board| board.connections.iter().any(|entry| entry.local != 0))
        .await?;
    let there = world.look(|board| board.connections[0].local);
    ensure(remote == SocketAddr::new(Family::V4.far(), there), "another address")
}

/// Nobody has come yet.
async fn accept_waits_for_a_client<W: Server>(world: &W) -> Outcome {
    let listener = at_port(world).await?;
    let accepted = woken_by(world, client(b"hello"), "accept", listener.accept()).await?;
    let (_, mut socket) = accepted.map_err(|error| failed("accept", &error))?;
    ensure(read_exactly(world, &mut socket, 5).await? == b"hello", "other data")
}

/// edge-http has one listener and a number of handlers, each a task that accepts its own.
async fn several_tasks_accept_at_once_and_all_are_served<W: Server>(world: &W) -> Outcome {
    let listener = at_port(world).await?;
    let handler = async || {
        let (_, mut socket) = accept(world, &listener).await?;
        let mut question = [0];
        read(world, &mut socket, &mut question).await?;
        write_all(world, &mut socket, &question).await
    };
    let clients = async {
        a_while(world).await;
        for name in [b"1", b"2", b"3"] {
            world.order(client(name))?;
        }
        for name in [b"1", b"2", b"3"] {
            arrived(world, name).await?;
        }
        Ok(())
    };
    let (served, heard) = zip(zip(zip(handler(), handler()), handler()), clients).await;
    let ((one, two), three) = served;
    one.and(two).and(three).and(heard)
}

/// They come at once, and more than a small stack has sockets for. Each is answered and closed, and
/// then the next one has its turn.
async fn more_clients_than_tasks_are_all_served<W: Server>(world: &W) -> Outcome {
    let listener = at_port(world).await?;
    let handler = async || {
        for _ in 0..6 {
            let (_, mut socket) = accept(world, &listener).await?;
            let question = read_exactly(world, &mut socket, 1).await?;
            write_all(world, &mut socket, &question).await?;
            let closed = within(world, "end of close", socket.close(Close::Both)).await?;
            closed.map_err(|error| failed("close", &error))?;
            socket.abort().await.map_err(|error| failed("abort", &error))?;
        }
        Ok::<(), String>(())
    };
    for name in 0..12 {
        world.order(client(&[name]))?;
    }
    let (one, two) = zip(handler(), handler()).await;
    one.and(two)?;
    for name in 0..12 {
        arrived(world, &[name]).await?;
    }
    Ok(())
}

/// They came before anyone asked.
async fn clients_that_wait_are_all_accepted<W: Server>(world: &W) -> Outcome {
    let listener = at_port(world).await?;
    for name in [b"1", b"2", b"3"] {
        world.order(client(name))?;
    }
    a_while(world).await;
    let mut sockets = Vec::new();
    let mut names = Vec::new();
    for _ in 0..3 {
        let (_, mut socket) = accept(world, &listener).await?;
        names.extend(read_exactly(world, &mut socket, 1).await?);
        sockets.push(socket);
    }
    names.sort_unstable();
    ensure(names == b"123", "not all of them")
}

/// A connection that was dropped leaves its slot to the next one.
async fn a_hundred_clients_one_after_the_other<W: Server>(world: &W) -> Outcome {
    let listener = at_port(world).await?;
    for number in 0..100 {
        world.order(client(&[number]))?;
        let (_, mut socket) = accept(world, &listener).await?;
        ensure(read_exactly(world, &mut socket, 1).await? == [number], "other data")?;
        ensure(read(world, &mut socket, &mut [0; 16]).await? == 0, "data after the last byte")?;
    }
    Ok(())
}

/// Whether it is given up before the client comes, or just after.
async fn a_dropped_accept_loses_no_client<W: Server>(world: &W) -> Outcome {
    let listener = at_port(world).await?;
    given_up(listener.accept()).await;
    given_up_after(world, client(b"hello"), "accept", listener.accept()).await?;
    let (_, mut socket) = accept(world, &listener).await?;
    ensure(read_exactly(world, &mut socket, 5).await? == b"hello", "other data")
}

/// It may have said everything, and gone, before it was accepted.
async fn an_accepted_client_that_closed_already_is_heard<W: Server>(world: &W) -> Outcome {
    let listener = at_port(world).await?;
    world.order(Order::Dial(near(PORT), Role::SayAndClose(b"bye".to_vec())))?;
    a_while(world).await;
    let (_, mut socket) = accept(world, &listener).await?;
    ensure(read_exactly(world, &mut socket, 3).await? == b"bye", "other data")?;
    ensure(read(world, &mut socket, &mut [0; 16]).await? == 0, "data after the last byte")
}

/// The address is one of the interface's.
async fn bind_to_one_address_accepts<W: Server>(world: &W) -> Outcome {
    let listener = listening(world, near(PORT)).await?;
    serves(world, &listener).await
}

/// Two cannot have it.
async fn bind_to_a_taken_port_is_an_error<W: Server>(world: &W) -> Outcome {
    let _taken = at_port(world).await?;
    let again = within(world, "error", world.stack().bind(near(PORT))).await?;
    ensure(again.is_err(), "Ok")
}

/// And what it had accepted goes on. The next one can have the port at once.
async fn a_dropped_listener_refuses_and_leaves_its_port<W: Server>(world: &W) -> Outcome {
    let listener = at_port(world).await?;
    drop(listener);
    world.order(client(b"late"))?;
    shown(world, "refusal", |board| {
        board.connections.iter().any(|entry| entry.end == Some(FarError::Refused))
    })
    .await?;
    let listener = at_port(world).await?;
    serves(world, &listener).await
}

/// Nobody will ever accept them, and they are told so.
async fn a_dropped_listener_ends_those_that_wait<W: Server>(world: &W) -> Outcome {
    let listener = at_port(world).await?;
    world.order(Order::Dial(near(PORT), Role::Sink))?;
    a_while(world).await;
    drop(listener);
    shown(world, "end at the far end", |board| {
        board.connections.iter().all(|entry| entry.end.is_some())
    })
    .await
}

/// An address is a `SocketAddr` of either version.
async fn ipv6_accepts<W: Server>(world: &W) -> Outcome {
    let listener = listening(world, (Ipv6Addr::UNSPECIFIED, PORT).into()).await?;
    let there = SocketAddr::new(Family::V6.near(), PORT);
    world.order(Order::Dial(there, Role::Echo))?;
    let (remote, mut socket) = accept(world, &listener).await?;
    ensure(remote.ip() == Family::V6.far(), "another address")?;
    echoes(world, &mut socket, b"hello").await
}
