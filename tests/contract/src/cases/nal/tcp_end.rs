//! `TcpClientStack`: how connections end.

use std::time::Duration;

use embedded_nal::{TcpClientStack, TcpError, TcpErrorKind, nb};
use sockstate::Error as FarError;

use super::cases;
use super::tcp_client::{
    Error, Socket, Tcp, close, connect, connected, echoes, listen_in, open, pattern,
    receive_exactly, send_all,
};
use crate::far::{Order, Role};
use crate::{Outcome, ensure, failed, far, until};

cases! { Tcp:
    the_end_of_the_stream_is_pipe_closed from "minimq 0.10",
    a_reset_is_pipe_closed_both_ways from "TcpErrorKind::PipeClosed",
    sending_goes_on_after_the_fin_of_the_peer from "TcpErrorKind::PipeClosed",
    a_vanished_peer_ends_sending from "minimq 0.10",
    close_delivers_what_was_not_sent_yet from "TcpClientStack::close",
    one_slot_closed_and_opened_at_once_loses_nothing (ONE) from "minimq 0.10",
    a_socket_can_be_had_at_once_after_the_end (ONE) from "minimq 0.10",
}

/// Receives until there is an error.
fn end<W: Tcp>(world: &mut W, socket: &mut Socket<W>) -> Outcome<Error<W>> {
    let mut empty = false;
    let end = until(world, "end", |world| {
        match world.stack().receive(socket, &mut [0; 16]) {
            Ok(0) => empty = true,
            Ok(_) => return Some(Err("data after the last byte".to_owned())),
            Err(nb::Error::WouldBlock) => {}
            Err(nb::Error::Other(error)) => return Some(Ok(error)),
        }
        None
    });
    // Which of the two reasons is the better one does not depend on time.
    end.map_err(|reason| if empty { "Ok(0) for ever".to_owned() } else { reason })?
}

fn is_pipe_closed(error: &impl TcpError) -> Outcome {
    match error.kind() {
        TcpErrorKind::PipeClosed => Ok(()),
        kind => Err(format!("{kind:?}")),
    }
}

/// After the last byte, an error that says so: minimq then reconnects within a millisecond, and
/// without it notices nothing until its own time limit.
fn the_end_of_the_stream_is_pipe_closed<W: Tcp>(world: &mut W) -> Outcome {
    world.order(Order::Serve(80, Role::Source(b"bye".to_vec())))?;
    let mut socket = connected(world, 80)?;
    ensure(receive_exactly(world, &mut socket, 3)? == b"bye", "other data")?;
    is_pipe_closed(&end(world, &mut socket)?)
}

/// A connection that the peer has torn down is closed in either direction.
fn a_reset_is_pipe_closed_both_ways<W: Tcp>(world: &mut W) -> Outcome {
    world.order(Order::Serve(80, Role::Sink))?;
    let mut receiver = connected(world, 80)?;
    let mut sender = connected(world, 80)?;
    world.order(Order::Reset)?;
    is_pipe_closed(&end(world, &mut receiver)?)?;
    is_pipe_closed(&send_until_error(world, &mut sender)?)
}

/// A peer that has nothing more to say may still listen: only one direction is closed.
fn sending_goes_on_after_the_fin_of_the_peer<W: Tcp>(world: &mut W) -> Outcome {
    world.order(Order::Serve(80, Role::Source(b"bye".to_vec())))?;
    let mut socket = connected(world, 80)?;
    receive_exactly(world, &mut socket, 3)?;
    for _ in 0..100 {
        listen_in(world, &mut socket);
        world.pass();
    }
    send_all(world, &mut socket, b"after")?;
    until(world, "delivery", |world| {
        listen_in(world, &mut socket);
        world.look(|board| board.at(80).any(|entry| entry.received == b"after")).then_some(())
    })
}

/// minimq has no limit of its own on what it sends.
fn a_vanished_peer_ends_sending<W: Tcp>(world: &mut W) -> Outcome {
    world.order(Order::Serve(80, Role::Echo))?;
    let mut socket = connected(world, 80)?;
    echoes(world, &mut socket, b"hello")?;
    world.order(Order::Vanish)?;
    send_until_error(world, &mut socket).map(drop)
}

fn send_until_error<W: Tcp>(world: &mut W, socket: &mut Socket<W>) -> Outcome<Error<W>> {
    until(world, "error", |world| match world.stack().send(socket, b"x") {
        Ok(_) | Err(nb::Error::WouldBlock) => None,
        Err(nb::Error::Other(error)) => Some(error),
    })
}

/// What `send` has taken is written: nothing in the traits lets a client wait before it closes.
/// Another connection goes on meanwhile, as nobody polls the stack otherwise.
fn close_delivers_what_was_not_sent_yet<W: Tcp>(world: &mut W) -> Outcome {
    world.order(Order::Serve(80, Role::Hold))?;
    world.order(Order::Serve(81, Role::Echo))?;
    let mut other = connected(world, 81)?;
    let mut socket = connected(world, 80)?;
    let data = pattern(65_536);
    let sent = fill(world, &mut socket, &data)?;
    close(world, socket)?;
    for _ in 0..100 {
        listen_in(world, &mut other);
        world.pass();
    }
    world.order(Order::Drain)?;
    until(world, "delivery", |world| {
        listen_in(world, &mut other);
        world.look(|board| board.at(80).any(|entry| entry.end.is_some())).then_some(())
    })?;
    world.look(|board| {
        let entry = board.at(80).next().ok_or("no connection")?;
        ensure(entry.received == data[..sent], "lost")?;
        ensure(entry.end == Some(FarError::PeerClosed), "reset")
    })
}

/// Sends until nothing has fit for a while. How much that was.
fn fill<W: Tcp>(world: &mut W, socket: &mut Socket<W>, data: &[u8]) -> Outcome<usize> {
    let mut sent = 0;
    let mut last = world.now();
    while sent < data.len() && world.now() < last + Duration::from_millis(200) {
        match world.stack().send(socket, &data[sent..]) {
            Ok(0) | Err(nb::Error::WouldBlock) => world.pass(),
            Ok(size) => {
                sent += size;
                last = world.now();
            }
            Err(nb::Error::Other(error)) => return Err(failed("send", &error)),
        }
    }
    Ok(sent)
}

/// minimq closes, opens and connects in one breath; with a pool of one that is the same slot.
fn one_slot_closed_and_opened_at_once_loses_nothing<W: Tcp>(world: &mut W) -> Outcome {
    world.order(Order::Serve(80, Role::Sink))?;
    let data = pattern(700);
    let mut socket = connected(world, 80)?;
    send_all(world, &mut socket, &data)?;
    close(world, socket)?;
    let mut socket = open(world)?;
    connect(world, &mut socket, far(80))?;
    send_all(world, &mut socket, b"second")?;
    until(world, "delivery", |world| {
        listen_in(world, &mut socket);
        world.look(|board| board.at(80).any(|entry| entry.received == b"second")).then_some(())
    })?;
    world.look(|board| {
        let first = board.at(80).next().ok_or("no connection")?;
        ensure(first.received == data, "the first one's data is lost")?;
        ensure(first.end == Some(FarError::PeerClosed), "the first one is not closed")
    })
}

/// The same when it was the peer that closed.
fn a_socket_can_be_had_at_once_after_the_end<W: Tcp>(world: &mut W) -> Outcome {
    world.order(Order::Serve(80, Role::Echo))?;
    let mut socket = connected(world, 80)?;
    echoes(world, &mut socket, b"hello")?;
    world.order(Order::Close)?;
    for _ in 0..100 {
        listen_in(world, &mut socket);
        world.pass();
    }
    close(world, socket)?;
    let mut socket = open(world)?;
    connect(world, &mut socket, far(80))?;
    echoes(world, &mut socket, b"again")
}
