//! `Readable`, `TcpSplit` and `TcpShutdown`.

use std::net::SocketAddr;

use edge_nal::{Close, Readable, TcpConnect, TcpShutdown, TcpSplit};
use embedded_io_async::{Read, Write};
use futures_lite::future::zip;
use sockstate::Error as FarError;

use super::super::streams::{arrived, echoes, pattern, read, read_exactly, write_all};
use super::super::tasks;
use crate::far::{Connection, Order, Role};
use crate::tasks::{Tasks, a_while, given_up, shown, within, woken_by};
use crate::{Outcome, ensure, failed, far};

/// A world whose stack has TCP clients.
pub trait Client: Tasks<Stack: TcpConnect> {}

impl<W: Tasks<Stack: TcpConnect>> Client for W {}

type Socket<'w, W> = <<W as Tasks>::Stack as TcpConnect>::Socket<'w>;

tasks! { Client, [&'static Net] lossy [&'static Net]:
    both_halves_work_at_once from "TcpSplit::split",
    one_half_waits_while_the_other_works from "TcpSplit::split",
    readable_waits_for_data_and_takes_none from "Readable::readable",
    readable_does_not_wait_at_the_end_of_the_stream from "Readable::readable",
    readable_does_not_wait_after_a_reset (RESET) from "Readable::readable",
    close_write_ends_the_stream_and_reading_goes_on from "TcpShutdown::close",
    close_write_returns_when_all_has_arrived from "TcpShutdown::close",
    write_after_close_write_is_an_error from "TcpShutdown::close",
    close_read_reads_until_the_peer_ends from "TcpShutdown::close",
    close_both_delivers_what_was_written from "TcpShutdown::close",
    close_both_then_abort_loses_nothing from "edge-http 0.8",
    close_write_then_both_loses_nothing from "TcpShutdown::close",
    close_both_ends_though_the_peer_goes_on from "TcpShutdown::close",
    close_both_ends_though_the_peer_vanished from "TcpShutdown::close",
    a_close_cut_short_loses_nothing from "edge_nal::with_timeout",
    abort_sends_a_reset (RESET) from "TcpShutdown::abort",
    reading_after_abort_does_not_wait from "TcpShutdown::abort",
    abort_after_the_peer_closed_is_no_error from "edge-http 0.8",
}

async fn connect<W: Client>(world: &W, remote: SocketAddr) -> Outcome<Socket<'_, W>> {
    let connecting = within(world, "connection", world.stack().connect(remote)).await?;
    connecting.map_err(|error| failed("connect", &error))
}

async fn connected_to<W: Client>(world: &W, role: Role) -> Outcome<Socket<'_, W>> {
    world.order(Order::Serve(80, role))?;
    let socket = connect(world, far(80)).await?;
    shown(world, "connection at the far end", |board| board.at(80).count() > 0).await?;
    Ok(socket)
}

async fn close<W: Tasks>(world: &W, socket: &mut impl TcpShutdown, what: Close) -> Outcome {
    let closing = within(world, "end of close", socket.close(what)).await?;
    closing.map_err(|error| failed("close", &error))
}

async fn abort<W: Tasks>(world: &W, socket: &mut impl TcpShutdown) -> Outcome {
    let aborting = within(world, "end of abort", socket.abort()).await?;
    aborting.map_err(|error| failed("abort", &error))
}

/// How the far end's connection ended.
async fn ended<W: Tasks>(world: &W) -> Outcome<Connection> {
    shown(world, "end at the far end", |board| board.at(80).any(|entry| entry.end.is_some()))
        .await?;
    world.look(|board| board.at(80).next().cloned()).ok_or_else(|| "no connection".to_owned())
}

async fn delivered_and_closed<W: Tasks>(world: &W, data: &[u8]) -> Outcome {
    let connection = ended(world).await?;
    ensure(connection.received == data, "lost")?;
    ensure(connection.end == Some(FarError::PeerClosed), "reset")
}

/// More than all buffers hold goes out and comes back.
async fn both_halves_work_at_once<W: Client>(world: &W) -> Outcome {
    let mut socket = connected_to(world, Role::Echo).await?;
    let (mut reader, mut writer) = socket.split();
    let data = pattern(100_000);
    let written = write_all(world, &mut writer, &data);
    let (read, written) = zip(read_exactly(world, &mut reader, data.len()), written).await;
    written?;
    ensure(read? == data, "other data came back")
}

/// Reading and writing do not wait for each other.
async fn one_half_waits_while_the_other_works<W: Client>(world: &W) -> Outcome {
    let mut socket = connected_to(world, Role::Echo).await?;
    let (mut reader, mut writer) = socket.split();
    let mut buffer = [0; 16];
    let writing = async {
        a_while(world).await;
        write_all(world, &mut writer, b"hello").await
    };
    let (read, written) = zip(read(world, &mut reader, &mut buffer), writing).await;
    written?;
    let size = read?;
    ensure(size > 0 && b"hello".starts_with(&buffer[..size]), "other data")
}

/// Then there is something to read.
async fn readable_waits_for_data_and_takes_none<W: Client>(world: &W) -> Outcome {
    let mut socket = connected_to(world, Role::Sink).await?;
    let order = Order::Say(b"hello".to_vec());
    let readable = woken_by(world, order, "readable", socket.readable()).await?;
    readable.map_err(|error| failed("readable", &error))?;
    ensure(read_exactly(world, &mut socket, 5).await? == b"hello", "other data")
}

/// `read` does not wait then, either.
async fn readable_does_not_wait_at_the_end_of_the_stream<W: Client>(world: &W) -> Outcome {
    let mut socket = connected_to(world, Role::Source(b"bye".to_vec())).await?;
    read_exactly(world, &mut socket, 3).await?;
    for _ in 0..2 {
        let readable = within(world, "end", socket.readable()).await?;
        readable.map_err(|error| failed("readable", &error))?;
        ensure(read(world, &mut socket, &mut [0; 16]).await? == 0, "data after the last byte")?;
    }
    Ok(())
}

/// `read` then tells of it, and does not wait.
async fn readable_does_not_wait_after_a_reset<W: Client>(world: &W) -> Outcome {
    let mut socket = connected_to(world, Role::Echo).await?;
    echoes(world, &mut socket, b"hello").await?;
    // Whether it tells of it itself is the stack's choice.
    let _ = woken_by(world, Order::Reset, "readable", socket.readable()).await?;
    let read = within(world, "error", socket.read(&mut [0; 16])).await?;
    ensure(read.is_err(), "Ok")
}

/// The peer answers after it has heard everything.
async fn close_write_ends_the_stream_and_reading_goes_on<W: Client>(world: &W) -> Outcome {
    let mut socket = connected_to(world, Role::Echo).await?;
    let data = pattern(3_000);
    write_all(world, &mut socket, &data).await?;
    close(world, &mut socket, Close::Write).await?;
    ensure(read_exactly(world, &mut socket, data.len()).await? == data, "other data came back")?;
    ensure(read(world, &mut socket, &mut [0; 16]).await? == 0, "data after the last byte")?;
    delivered_and_closed(world, &data).await
}

/// It is "waiting until the FIN packet is ACKed", and that comes after all data.
async fn close_write_returns_when_all_has_arrived<W: Client>(world: &W) -> Outcome {
    let mut socket = connected_to(world, Role::Late).await?;
    let data = pattern(6_000);
    write_all(world, &mut socket, &data).await?;
    close(world, &mut socket, Close::Write).await?;
    // The far end has a look at what its stack has, and no more of it comes.
    world.order(Order::Vanish)?;
    world.look(|board| {
        let connection = board.at(80).next().ok_or("no connection")?;
        ensure(connection.received.len() == data.len(), "returns before")
    })
}

/// There is nowhere to write to.
async fn write_after_close_write_is_an_error<W: Client>(world: &W) -> Outcome {
    let mut socket = connected_to(world, Role::Hold).await?;
    close(world, &mut socket, Close::Write).await?;
    ensure(within(world, "error", socket.write(b"x")).await?.is_err(), "Ok")
}

/// It "is closed by reading from it until the peer indicates there is no more data to read".
async fn close_read_reads_until_the_peer_ends<W: Client>(world: &W) -> Outcome {
    let mut socket = connected_to(world, Role::Sink).await?;
    world.order(Order::Say(pattern(10_000)))?;
    let closed = woken_by(world, Order::Close, "close", socket.close(Close::Read)).await?;
    closed.map_err(|error| failed("close", &error))?;
    ensure(read(world, &mut socket, &mut [0; 16]).await? == 0, "data after the end")
}

/// It is graceful.
async fn close_both_delivers_what_was_written<W: Client>(world: &W) -> Outcome {
    let mut socket = connected_to(world, Role::Late).await?;
    let data = pattern(6_000);
    write_all(world, &mut socket, &data).await?;
    close(world, &mut socket, Close::Both).await?;
    drop(socket);
    delivered_and_closed(world, &data).await
}

/// So its server ends a connection, after an answer that it has just written.
async fn close_both_then_abort_loses_nothing<W: Client>(world: &W) -> Outcome {
    let mut socket = connected_to(world, Role::Late).await?;
    let data = pattern(6_000);
    write_all(world, &mut socket, &data).await?;
    close(world, &mut socket, Close::Both).await?;
    abort(world, &mut socket).await?;
    drop(socket);
    delivered_and_closed(world, &data).await
}

/// The directions are closed one after the other.
async fn close_write_then_both_loses_nothing<W: Client>(world: &W) -> Outcome {
    let mut socket = connected_to(world, Role::Late).await?;
    let data = pattern(6_000);
    write_all(world, &mut socket, &data).await?;
    close(world, &mut socket, Close::Write).await?;
    close(world, &mut socket, Close::Both).await?;
    drop(socket);
    delivered_and_closed(world, &data).await
}

/// Whether it closes its own direction is the application's at the other end to say.
async fn close_both_ends_though_the_peer_goes_on<W: Client>(world: &W) -> Outcome {
    let mut socket = connected_to(world, Role::Hold).await?;
    // An error is allowed.
    let _ = within(world, "end of close", socket.close(Close::Both)).await?;
    Ok(())
}

/// Nobody waits for ever.
async fn close_both_ends_though_the_peer_vanished<W: Client>(world: &W) -> Outcome {
    let mut socket = connected_to(world, Role::Echo).await?;
    echoes(world, &mut socket, b"hello").await?;
    world.order(Order::Vanish)?;
    write_all(world, &mut socket, b"lost").await?;
    // An error is allowed.
    let _ = within(world, "end of close", socket.close(Close::Both)).await?;
    Ok(())
}

/// A time limit of edge-nal drops the call.
async fn a_close_cut_short_loses_nothing<W: Client>(world: &W) -> Outcome {
    let mut socket = connected_to(world, Role::Late).await?;
    let data = pattern(6_000);
    write_all(world, &mut socket, &data).await?;
    given_up(socket.close(Close::Both)).await;
    drop(socket);
    delivered_and_closed(world, &data).await
}

/// The peer sees that this is no ordinary end.
async fn abort_sends_a_reset<W: Client>(world: &W) -> Outcome {
    let mut socket = connected_to(world, Role::Sink).await?;
    write_all(world, &mut socket, b"hello").await?;
    arrived(world, b"hello").await?;
    abort(world, &mut socket).await?;
    drop(socket);
    match ended(world).await?.end {
        Some(FarError::Reset) => Ok(()),
        _ => Err("closes".to_owned()),
    }
}

/// There is nothing to wait for.
async fn reading_after_abort_does_not_wait<W: Client>(world: &W) -> Outcome {
    let mut socket = connected_to(world, Role::Sink).await?;
    abort(world, &mut socket).await?;
    // An error is allowed.
    let _ = within(world, "answer from read", socket.read(&mut [0; 16])).await?;
    Ok(())
}

/// The server is done with the connection, whoever ended it.
async fn abort_after_the_peer_closed_is_no_error<W: Client>(world: &W) -> Outcome {
    let mut socket = connected_to(world, Role::SayAndClose(b"bye".to_vec())).await?;
    read_exactly(world, &mut socket, 3).await?;
    a_while(world).await;
    close(world, &mut socket, Close::Both).await?;
    abort(world, &mut socket).await
}
