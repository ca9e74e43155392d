//! `TcpConnect` of embedded-nal-async and of edge-nal: how connections begin, and what dropping
//! them does.

use std::net::SocketAddr;
use std::time::Duration;

use embedded_io_async::{Error as _, ErrorKind};
use futures_lite::future::zip;
use sockstate::Error as FarError;

use super::streams::{Io, arrived, connect, connected, connected_to, echoes, pattern, write_all};
use super::tasks;
use crate::far::{Order, Role};
use crate::stacks::Streams;
use crate::tasks::{a_while, given_up, shown, within};
use crate::{Family, Outcome, ensure, failed, far};

tasks! { Io, [Nal<&'static Net>] [Edge<&'static Net>]
    lossy [Nal<&'static Net>] lossy [Edge<&'static Net>]:
    connect_gives_a_connection_both_ways from "TcpConnect::connect",
    ipv6_connects_and_exchanges from "TcpConnect::connect",
    a_refused_connect_is_connection_refused from "ErrorKind::ConnectionRefused",
    connect_without_a_route_is_an_error (ONE) from "TcpConnect::connect",
    connect_after_a_refusal_succeeds (ONE) from "minimq 0.13",
    a_black_holed_connect_ends from "reqwless 0.14",
    a_dropped_connect_leaves_room_for_others (ONE) from "TcpConnect::connect",
    a_dropped_connect_is_closed_for_the_peer from "TcpConnect::connect",
    too_many_connections_are_an_error from "TcpConnect::connect",
    two_clients_on_one_stack_do_not_mix from "TcpConnect::connect",
    a_hundred_connections_one_after_the_other from "TcpConnect::connect",
    a_dropped_connection_delivers_and_closes from "TcpConnect::connect",
    a_dropped_connection_delivers_what_had_to_wait from "TcpConnect::connect",
    one_slot_dropped_and_connected_at_once_loses_nothing (ONE) from "minimq 0.13",
    one_slot_connects_at_once_after_a_reset (ONE_RESET) from "minimq 0.13",
}

fn nobody() -> SocketAddr {
    SocketAddr::new(Family::V4.nobody(), 80)
}

/// What connecting fails with.
async fn failure<W: Io>(world: &W, remote: SocketAddr) -> Outcome<ErrorKind> {
    match within(world, "error", world.stack().connect(remote)).await? {
        Ok(_) => Err("Ok".to_owned()),
        Err(error) => Ok(error.kind()),
    }
}

/// `Ok` means connected: the peer has it, too, and both can talk.
async fn connect_gives_a_connection_both_ways<W: Io>(world: &W) -> Outcome {
    let mut stream = connected_to(world, Role::Echo).await?;
    echoes(world, &mut stream, b"hello").await
}

/// An address is a `SocketAddr` of either version.
async fn ipv6_connects_and_exchanges<W: Io>(world: &W) -> Outcome {
    world.order(Order::Serve(80, Role::Echo))?;
    let mut stream = connect(world, SocketAddr::new(Family::V6.far(), 80)).await?;
    echoes(world, &mut stream, b"hello").await
}

/// Nobody listens there, and the client is told so.
async fn a_refused_connect_is_connection_refused<W: Io>(world: &W) -> Outcome {
    match failure(world, far(80)).await? {
        ErrorKind::ConnectionRefused => Ok(()),
        kind => Err(format!("{kind:?}")),
    }
}

/// There is no router, and the only slot is free again.
async fn connect_without_a_route_is_an_error<W: Io>(world: &W) -> Outcome {
    failure(world, ([198, 51, 100, 1], 80).into()).await?;
    connect_gives_a_connection_both_ways(world).await
}

/// The broker comes back, and the client has tried before.
async fn connect_after_a_refusal_succeeds<W: Io>(world: &W) -> Outcome {
    for _ in 0..5 {
        failure(world, far(80)).await?;
    }
    connect_gives_a_connection_both_ways(world).await
}

/// Clients wait for `connect` without a limit of their own.
async fn a_black_holed_connect_ends<W: Io>(world: &W) -> Outcome {
    failure(world, nobody()).await.map(drop)
}

/// A client that lost interest, however often, keeps no slot.
async fn a_dropped_connect_leaves_room_for_others<W: Io>(world: &W) -> Outcome {
    for _ in 0..20 {
        given_up(world.stack().connect(nobody())).await;
    }
    connect_gives_a_connection_both_ways(world).await
}

/// A client that lost interest, at whatever moment, does not keep the server busy.
async fn a_dropped_connect_is_closed_for_the_peer<W: Io>(world: &W) -> Outcome {
    world.order(Order::Serve(80, Role::Sink))?;
    for millis in 0..5 {
        let given_up = async {
            world.sleep(Duration::from_millis(millis)).await;
            Ok(())
        };
        let connecting = async {
            let stream = world.stack().connect(far(80)).await;
            stream.map(drop).map_err(|error| failed("connect", &error))
        };
        futures_lite::future::or(given_up, connecting).await?;
    }
    a_while(world).await;
    shown(world, "end at the far end", |board| board.at(80).all(|entry| entry.end.is_some())).await
}

/// A stack with a limit says so; one without has no need to.
async fn too_many_connections_are_an_error<W: Io>(world: &W) -> Outcome {
    world.order(Order::Serve(80, Role::Echo))?;
    let mut streams = Vec::new();
    for _ in 0..12 {
        match within(world, "answer from connect", world.stack().connect(far(80))).await? {
            Ok(stream) => streams.push(stream),
            Err(_) => break,
        }
    }
    ensure(streams.pop().is_some(), "not even one")?;
    let mut stream = connect(world, far(80)).await?;
    echoes(world, &mut stream, b"hello").await
}

/// They are tasks of one program.
async fn two_clients_on_one_stack_do_not_mix<W: Io>(world: &W) -> Outcome {
    world.order(Order::Serve(80, Role::Echo))?;
    let client = async |text| {
        for _ in 0..10 {
            let mut stream = connect(world, far(80)).await?;
            echoes(world, &mut stream, text).await?;
        }
        Ok::<(), String>(())
    };
    let (one, two) = zip(client(b"one"), client(b"two")).await;
    one.and(two)
}

/// A slot is free again once its connection is closed, and so is its port.
async fn a_hundred_connections_one_after_the_other<W: Io>(world: &W) -> Outcome {
    world.order(Order::Serve(80, Role::Echo))?;
    for _ in 0..100 {
        let mut stream = connected(world, 80).await?;
        echoes(world, &mut stream, b"hello").await?;
    }
    Ok(())
}

/// It "should close the connection when dropped", and what was written is written.
async fn a_dropped_connection_delivers_and_closes<W: Io>(world: &W) -> Outcome {
    let mut stream = connected_to(world, Role::Sink).await?;
    write_all(world, &mut stream, &pattern(700)).await?;
    drop(stream);
    delivered_and_closed(world, &pattern(700)).await
}

async fn delivered_and_closed<W: Io>(world: &W, data: &[u8]) -> Outcome {
    shown(world, "end at the far end", |board| board.at(80).any(|entry| entry.end.is_some()))
        .await?;
    world.look(|board| {
        let first = board.at(80).next().ok_or("no connection")?;
        ensure(first.received == data, "lost")?;
        ensure(first.end == Some(FarError::PeerClosed), "reset")
    })
}

/// The same if the peer does not read before it is closed, and there is more than it has room for.
async fn a_dropped_connection_delivers_what_had_to_wait<W: Io>(world: &W) -> Outcome {
    let mut stream = connected_to(world, Role::Hold).await?;
    let data = pattern(6_000);
    write_all(world, &mut stream, &data).await?;
    drop(stream);
    a_while(world).await;
    world.order(Order::Drain)?;
    delivered_and_closed(world, &data).await
}

/// The connection is dropped and made anew in one breath; with a pool of one that is the same slot.
async fn one_slot_dropped_and_connected_at_once_loses_nothing<W: Io>(world: &W) -> Outcome {
    let mut stream = connected_to(world, Role::Sink).await?;
    write_all(world, &mut stream, &pattern(700)).await?;
    drop(stream);
    let mut stream = connect(world, far(80)).await?;
    write_all(world, &mut stream, b"second").await?;
    arrived(world, b"second").await?;
    delivered_and_closed(world, &pattern(700)).await
}

/// The same when it was the peer that ended it, and the client was told.
async fn one_slot_connects_at_once_after_a_reset<W: Io>(world: &W) -> Outcome {
    let mut stream = connected_to(world, Role::Echo).await?;
    echoes(world, &mut stream, b"hello").await?;
    world.order(Order::Reset)?;
    let mut buffer = [0; 16];
    let read = embedded_io_async::Read::read(&mut stream, &mut buffer);
    ensure(within(world, "error", read).await?.is_err(), "Ok")?;
    drop(stream);
    let mut stream = connect(world, far(80)).await?;
    echoes(world, &mut stream, b"again").await
}
