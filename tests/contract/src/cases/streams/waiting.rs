//! `Read` and `Write` of embedded-io-async: calls that wait, and calls that are given up.

use embedded_io_async::{ErrorKind, Read, Write};
use futures_lite::future::or;

use super::super::tasks;
use super::{Io, Stream, arrived, connected_to, echoes, pattern, read_exactly, write_all};
use crate::far::{Order, Role};
use crate::tasks::{a_while, given_up, given_up_after, within, woken_by};
use crate::{Outcome, ensure, failed};

tasks! { Io,
    [Nal<&'static Net>] [DuplexNet] [HalvesNet] [Edge<&'static Net>]
    lossy [Nal<&'static Net>] lossy [Edge<&'static Net>]:
    a_read_that_waits_is_woken_by_data from "Read::read",
    a_read_that_waits_is_woken_by_the_end from "Read::read",
    a_read_that_waits_is_woken_by_a_reset (RESET) from "Read::read",
    a_write_waits_for_room from "Write::write",
    a_write_of_nothing_does_not_wait_for_room from "Write::write",
    a_write_that_waits_is_woken_by_a_reset from "Write::write",
    a_flush_waits_for_the_peer from "Write::flush",
    a_flush_that_waits_is_woken_by_a_reset from "Write::flush",
    a_dropped_read_loses_nothing from "minimq 0.13",
    a_dropped_write_writes_nothing from "Write::write",
    a_dropped_flush_loses_nothing from "Write::flush",
}

/// Writes until a write waits for a while, and a short one does, too. How much was written.
async fn fill<W: Io>(world: &W, stream: &mut Stream<'_, W>) -> Outcome<Vec<u8>> {
    let data = pattern(32 << 20);
    let mut written = 0;
    for most in [data.len(), 1] {
        loop {
            let rest = &data[written..];
            let write = async {
                let write = stream.write(&rest[..rest.len().min(most)]).await;
                write.map(Some).map_err(|error| failed("write", &error))
            };
            let full = async {
                a_while(world).await;
                Ok(None)
            };
            match or(write, full).await? {
                Some(0) => return Err("write does not wait".to_owned()),
                Some(size) => written += size,
                None => break,
            }
        }
    }
    Ok(data[..written].to_vec())
}

/// A connection that takes no more.
async fn full<W: Io>(world: &W) -> Outcome<(Stream<'_, W>, Vec<u8>)> {
    let mut stream = connected_to(world, Role::Hold).await?;
    let data = fill(world, &mut stream).await?;
    Ok((stream, data))
}

/// The client waits first, and the data come then.
async fn a_read_that_waits_is_woken_by_data<W: Io>(world: &W) -> Outcome {
    let mut stream = connected_to(world, Role::Sink).await?;
    let mut buffer = [0; 16];
    let order = Order::Say(b"hello".to_vec());
    let read = woken_by(world, order, "read", stream.read(&mut buffer)).await?;
    let size = read.map_err(|error| failed("read", &error))?;
    ensure(size > 0 && b"hello".starts_with(&buffer[..size]), "other data")
}

/// The peer closes while the client waits.
async fn a_read_that_waits_is_woken_by_the_end<W: Io>(world: &W) -> Outcome {
    let mut stream = connected_to(world, Role::Sink).await?;
    match woken_by(world, Order::Close, "read", stream.read(&mut [0; 16])).await? {
        Ok(0) => Ok(()),
        Ok(_) => Err("data out of nothing".to_owned()),
        Err(error) => Err(failed("read", &error)),
    }
}

/// The peer resets while the client waits.
async fn a_read_that_waits_is_woken_by_a_reset<W: Io>(world: &W) -> Outcome {
    let mut stream = connected_to(world, Role::Echo).await?;
    echoes(world, &mut stream, b"hello").await?;
    is_error(woken_by(world, Order::Reset, "read", stream.read(&mut [0; 16])).await?)
}

fn is_error<T>(result: Result<T, impl embedded_io_async::Error>) -> Outcome {
    match result {
        Ok(_) => Err("Ok".to_owned()),
        Err(error) => match error.kind() {
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => Ok(()),
            kind => Err(format!("{kind:?}")),
        },
    }
}

/// While the peer does not read, there is an end to what can be written; it goes on when it does.
async fn a_write_waits_for_room<W: Io>(world: &W) -> Outcome {
    let (mut stream, mut data) = full(world).await?;
    let write = woken_by(world, Order::Drain, "write", stream.write(b"more")).await?;
    let size = write.map_err(|error| failed("write", &error))?;
    data.extend_from_slice(&b"more"[..size]);
    arrived(world, &data).await
}

/// There is nothing that room would be needed for.
async fn a_write_of_nothing_does_not_wait_for_room<W: Io>(world: &W) -> Outcome {
    let (mut stream, _) = full(world).await?;
    // An error is allowed.
    within(world, "answer", stream.write(&[])).await.map(drop)
}

/// The peer resets while the client waits for room.
async fn a_write_that_waits_is_woken_by_a_reset<W: Io>(world: &W) -> Outcome {
    let (mut stream, _) = full(world).await?;
    is_error(woken_by(world, Order::Reset, "write", stream.write(b"more")).await?)
}

/// What the peer does not read has not arrived. There is more of it than its stack takes.
async fn a_flush_waits_for_the_peer<W: Io>(world: &W) -> Outcome {
    let (mut stream, data) = full(world).await?;
    let flush = woken_by(world, Order::Drain, "flush", stream.flush()).await?;
    flush.map_err(|error| failed("flush", &error))?;
    arrived(world, &data).await
}

/// The peer resets while the client waits for it.
async fn a_flush_that_waits_is_woken_by_a_reset<W: Io>(world: &W) -> Outcome {
    let (mut stream, _) = full(world).await?;
    is_error(woken_by(world, Order::Reset, "flush", stream.flush()).await?)
}

/// minimq gives a read up when its timer ends: before the data have come, or just after.
async fn a_dropped_read_loses_nothing<W: Io>(world: &W) -> Outcome {
    let mut stream = connected_to(world, Role::Sink).await?;
    for _ in 0..3 {
        given_up(stream.read(&mut [0; 16])).await;
        let order = Order::Say(b"hello".to_vec());
        given_up_after(world, order, "read", stream.read(&mut [0; 16])).await?;
        ensure(read_exactly(world, &mut stream, 5).await? == b"hello", "other data")?;
    }
    Ok(())
}

/// What a write that was given up would have written is not sent, and what comes after it is.
async fn a_dropped_write_writes_nothing<W: Io>(world: &W) -> Outcome {
    let (mut stream, mut data) = full(world).await?;
    given_up_after(world, Order::Drain, "write", stream.write(b"given up")).await?;
    write_all(world, &mut stream, b"after").await?;
    data.extend_from_slice(b"after");
    arrived(world, &data).await
}

/// What it would have waited for arrives nevertheless.
async fn a_dropped_flush_loses_nothing<W: Io>(world: &W) -> Outcome {
    let (mut stream, mut data) = full(world).await?;
    given_up(stream.flush()).await;
    world.order(Order::Drain)?;
    write_all(world, &mut stream, b"after").await?;
    data.extend_from_slice(b"after");
    arrived(world, &data).await
}
