//! `Read` and `Write` of embedded-io and embedded-io-async: what these cases share, and those of
//! calls one after the other, which are for both.

mod ends;
pub mod ready;
pub mod waiting;

use std::net::SocketAddr;

use embedded_io_async::{Read, Write};

use super::tasks;
use crate::far::{Order, Role};
use crate::stacks::Streams;
use crate::tasks::{Tasks, a_while, shown, within};
use crate::{Case, Outcome, ensure, failed, far};

/// A world whose stack has connections that are read and written.
pub trait Io: Tasks<Stack: Streams> {}

impl<W: Tasks<Stack: Streams>> Io for W {}

pub(super) type Stream<'w, W> = <<W as Tasks>::Stack as Streams>::Stream<'w>;
pub(super) type Error<W> = <<W as Tasks>::Stack as Streams>::Error;

/// All cases for connections whatever they are read by: exchanging, ending.
pub fn all<W: Io>() -> Vec<Case<W>> {
    [cases(), ends::cases()].into_iter().flatten().collect()
}

tasks! { Io,
    [BlockingNet] [BlockingDuplexNet] [Nal<&'static Net>] [DuplexNet] [HalvesNet]
    [Edge<&'static Net>]
    lossy [BlockingNet] lossy [Nal<&'static Net>] lossy [Edge<&'static Net>]:
    read_waits_for_data from "Read::read",
    read_gives_what_is_there_without_waiting_for_more from "Read::read",
    read_byte_by_byte_loses_nothing from "rust-mqtt 0.6",
    read_into_an_empty_buffer_does_not_wait from "Read::read",
    write_takes_a_part_and_all_of_it_arrives_in_order from "Write::write",
    write_of_nothing_does_not_wait from "Write::write",
    written_data_leaves_without_a_flush from "minimq 0.13",
    flush_returns_when_all_has_arrived from "Write::flush",
}

/// Bytes that tell their place.
pub(super) fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|n| (n % 251) as u8).collect()
}

pub(super) async fn connect<W: Io>(world: &W, remote: SocketAddr) -> Outcome<Stream<'_, W>> {
    within(world, "connection", world.stack().connect(remote))
        .await?
        .map_err(|error| failed("connect", &error))
}

/// A connection to a port of the far end, and the far end knows of it.
pub(super) async fn connected<W: Io>(world: &W, port: u16) -> Outcome<Stream<'_, W>> {
    let before = world.look(|board| board.at(port).count());
    let stream = connect(world, far(port)).await?;
    shown(world, "connection at the far end", |board| board.at(port).count() > before).await?;
    Ok(stream)
}

/// A connection to a peer like this.
pub(super) async fn connected_to<W: Io>(world: &W, role: Role) -> Outcome<Stream<'_, W>> {
    world.order(Order::Serve(80, role))?;
    connected(world, 80).await
}

pub(super) async fn write_all<W: Tasks>(
    world: &W,
    stream: &mut impl Write,
    data: &[u8],
) -> Outcome {
    let writing = async {
        let mut rest = data;
        while !rest.is_empty() {
            match stream.write(rest).await {
                Ok(0) => return Err("write: Ok(0)".to_owned()),
                Ok(size) => rest = &rest[size..],
                Err(error) => return Err(failed("write", &error)),
            }
        }
        Ok(())
    };
    within(world, "room to write", writing).await?
}

pub(super) async fn read<W: Tasks>(
    world: &W,
    stream: &mut impl Read,
    buffer: &mut [u8],
) -> Outcome<usize> {
    let read = within(world, "data", stream.read(buffer)).await?;
    read.map_err(|error| failed("read", &error))
}

pub(super) async fn read_exactly<W: Tasks>(
    world: &W,
    stream: &mut impl Read,
    size: usize,
) -> Outcome<Vec<u8>> {
    let mut data = vec![0; size];
    let mut done = 0;
    while done < size {
        match read(world, stream, &mut data[done..]).await? {
            0 => return Err("read: Ok(0)".to_owned()),
            size => done += size,
        }
    }
    Ok(data)
}

pub(super) async fn echoes<W: Tasks>(
    world: &W,
    stream: &mut (impl Read + Write),
    data: &[u8],
) -> Outcome {
    write_all(world, stream, data).await?;
    ensure(read_exactly(world, stream, data.len()).await? == data, "other data came back")
}

/// Waits until a connection of the far end has received this, from its beginning.
pub(super) async fn arrived<W: Tasks>(world: &W, data: &[u8]) -> Outcome {
    shown(world, "delivery", |board| board.connections.iter().any(|entry| entry.received == data))
        .await
}

/// Nothing is there yet, and that is neither the end nor an error.
async fn read_waits_for_data<W: Io>(world: &W) -> Outcome {
    let mut stream = connected_to(world, Role::Echo).await?;
    write_all(world, &mut stream, b"hello").await?;
    match read(world, &mut stream, &mut [0; 16]).await? {
        0 => Err("Ok(0)".to_owned()),
        _ => Ok(()),
    }
}

/// A client that asks with a large buffer gets the short answer.
async fn read_gives_what_is_there_without_waiting_for_more<W: Io>(world: &W) -> Outcome {
    let mut stream = connected_to(world, Role::Echo).await?;
    write_all(world, &mut stream, b"hello").await?;
    a_while(world).await;
    let mut buffer = [0; 1_024];
    let size = read(world, &mut stream, &mut buffer).await?;
    ensure(size > 0 && b"hello".starts_with(&buffer[..size]), "other data")
}

/// rust-mqtt reads its packets so.
async fn read_byte_by_byte_loses_nothing<W: Io>(world: &W) -> Outcome {
    let data = pattern(3_000);
    let mut stream = connected_to(world, Role::Source(data.clone())).await?;
    for expected in data.chunks(1) {
        ensure(read_exactly(world, &mut stream, 1).await? == expected, "other data")?;
    }
    Ok(())
}

/// Neither with data nor without; and the `Ok(0)` is no end.
async fn read_into_an_empty_buffer_does_not_wait<W: Io>(world: &W) -> Outcome {
    let mut stream = connected_to(world, Role::Echo).await?;
    nothing(world, &mut stream).await?;
    write_all(world, &mut stream, b"hello").await?;
    a_while(world).await;
    nothing(world, &mut stream).await?;
    ensure(read_exactly(world, &mut stream, 5).await? == b"hello", "other data")?;
    nothing(world, &mut stream).await
}

/// Reads into an empty buffer.
async fn nothing<W: Tasks>(world: &W, stream: &mut impl Read) -> Outcome {
    match within(world, "answer", stream.read(&mut [])).await? {
        // An error is allowed.
        Ok(0) | Err(_) => Ok(()),
        Ok(_) => Err("data out of nothing".to_owned()),
    }
}

/// The number of bytes written may be less than the buffer, but is never zero.
async fn write_takes_a_part_and_all_of_it_arrives_in_order<W: Io>(world: &W) -> Outcome {
    let mut stream = connected_to(world, Role::Sink).await?;
    let data = pattern(100_000);
    write_all(world, &mut stream, &data).await?;
    arrived(world, &data).await
}

/// It is no error of the connection, which goes on.
async fn write_of_nothing_does_not_wait<W: Io>(world: &W) -> Outcome {
    let mut stream = connected_to(world, Role::Echo).await?;
    // An error is allowed.
    if let Ok(size) = within(world, "answer", stream.write(&[])).await? {
        ensure(size == 0, "more than there was")?;
    }
    echoes(world, &mut stream, b"hello").await
}

/// minimq does not flush before it waits for the answer.
async fn written_data_leaves_without_a_flush<W: Io>(world: &W) -> Outcome {
    let mut stream = connected_to(world, Role::Sink).await?;
    write_all(world, &mut stream, b"hello").await?;
    arrived(world, b"hello").await
}

/// What was written has reached its destination, even if the peer is in no hurry: here, there is
/// more of it than the peer has room for.
async fn flush_returns_when_all_has_arrived<W: Io>(world: &W) -> Outcome {
    let mut stream = connected_to(world, Role::Late).await?;
    let data = pattern(6_000);
    write_all(world, &mut stream, &data).await?;
    within(world, "end of flush", stream.flush())
        .await?
        .map_err(|error| failed("flush", &error))?;
    // The far end has a look at what its stack has, and no more of it comes.
    world.order(Order::Vanish)?;
    world.look(|board| {
        let received = board.connections.first().map_or(0, |entry| entry.received.len());
        ensure(received == data.len(), "returns before")
    })
}
