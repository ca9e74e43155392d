//! `Read` and `Write`: how connections end.

use std::time::Duration;

use embedded_io_async::{Error as _, ErrorKind, Read, ReadExactError, Write};

use super::super::tasks;
use super::{Error, Io, Stream, arrived, connected_to, echoes, read, read_exactly, write_all};
use crate::far::{Order, Role};
use crate::tasks::{a_while, within};
use crate::{Outcome, ensure, failed};

tasks! { Io,
    [BlockingNet] [BlockingDuplexNet] [Nal<&'static Net>] [DuplexNet] [HalvesNet]
    [Edge<&'static Net>]
    lossy [BlockingNet] lossy [Nal<&'static Net>] lossy [Edge<&'static Net>]:
    the_end_of_the_stream_is_zero_and_stays_so from "Read::read",
    all_is_read_before_the_end from "Read::read",
    read_exact_tells_of_an_early_end from "Read::read_exact",
    writing_goes_on_after_the_end_of_the_stream from "Write::write",
    reading_from_a_peer_that_reset_is_an_error (RESET) from "ErrorKind::ConnectionReset",
    writing_to_a_peer_that_reset_is_an_error from "ErrorKind::BrokenPipe",
    flushing_to_a_peer_that_reset_is_an_error from "Write::flush",
    a_vanished_peer_ends_writing from "minimq 0.13",
    a_vanished_peer_ends_flushing from "Write::flush",
}

/// Repeats a call until it fails.
async fn until_error<W: Io, T>(
    world: &W,
    mut call: impl AsyncFnMut() -> Result<T, Error<W>>,
) -> Outcome<ErrorKind> {
    let calling = async {
        loop {
            match call().await {
                Ok(_) => world.sleep(Duration::from_millis(1)).await,
                Err(error) => return error.kind(),
            }
        }
    };
    within(world, "error", calling).await
}

fn is_one_of(kind: ErrorKind, kinds: &[ErrorKind]) -> Outcome {
    if kinds.contains(&kind) { Ok(()) } else { Err(format!("{kind:?}")) }
}

/// After the last byte, and whenever it is asked for again.
async fn the_end_of_the_stream_is_zero_and_stays_so<W: Io>(world: &W) -> Outcome {
    let mut stream = connected_to(world, Role::Source(b"bye".to_vec())).await?;
    ensure(read_exactly(world, &mut stream, 3).await? == b"bye", "other data")?;
    for _ in 0..3 {
        ensure(read(world, &mut stream, &mut [0; 16]).await? == 0, "data after the last byte")?;
        a_while(world).await;
    }
    Ok(())
}

/// A peer that says something and leaves at once is heard.
async fn all_is_read_before_the_end<W: Io>(world: &W) -> Outcome {
    let data = super::pattern(3_000);
    let mut stream = connected_to(world, Role::SayAndClose(data.clone())).await?;
    a_while(world).await;
    ensure(read_exactly(world, &mut stream, data.len()).await? == data, "other data")?;
    ensure(read(world, &mut stream, &mut [0; 16]).await? == 0, "data after the last byte")
}

/// It is another answer than that of a failure.
async fn read_exact_tells_of_an_early_end<W: Io>(world: &W) -> Outcome {
    let mut stream = connected_to(world, Role::Source(b"bye".to_vec())).await?;
    match within(world, "end", stream.read_exact(&mut [0; 5])).await? {
        Ok(()) => Err("Ok".to_owned()),
        Err(ReadExactError::UnexpectedEof) => Ok(()),
        Err(ReadExactError::Other(error)) => Err(failed("read", &error)),
    }
}

/// A peer that has nothing more to say may still listen.
async fn writing_goes_on_after_the_end_of_the_stream<W: Io>(world: &W) -> Outcome {
    let mut stream = connected_to(world, Role::Source(b"bye".to_vec())).await?;
    read_exactly(world, &mut stream, 3).await?;
    ensure(read(world, &mut stream, &mut [0; 16]).await? == 0, "data after the last byte")?;
    write_all(world, &mut stream, b"after").await?;
    arrived(world, b"after").await
}

async fn reset<W: Io>(world: &W) -> Outcome<Stream<'_, W>> {
    let mut stream = connected_to(world, Role::Echo).await?;
    echoes(world, &mut stream, b"hello").await?;
    world.order(Order::Reset)?;
    a_while(world).await;
    Ok(stream)
}

/// It is no end of the stream: something may be missing.
async fn reading_from_a_peer_that_reset_is_an_error<W: Io>(world: &W) -> Outcome {
    let mut stream = reset(world).await?;
    match within(world, "error", stream.read(&mut [0; 16])).await? {
        Ok(size) => Err(format!("Ok({size})")),
        Err(error) => is_one_of(error.kind(), &[ErrorKind::ConnectionReset]),
    }
}

/// Its kind says that the connection is over.
async fn writing_to_a_peer_that_reset_is_an_error<W: Io>(world: &W) -> Outcome {
    let mut stream = reset(world).await?;
    let kind = until_error(world, async || stream.write(b"x").await).await?;
    is_one_of(kind, &[ErrorKind::ConnectionReset, ErrorKind::BrokenPipe])
}

/// What the peer did not get it will never get.
async fn flushing_to_a_peer_that_reset_is_an_error<W: Io>(world: &W) -> Outcome {
    let mut stream = connected_to(world, Role::Hold).await?;
    write_all(world, &mut stream, &[0; 6_000]).await?;
    world.order(Order::Reset)?;
    a_while(world).await;
    match within(world, "error", stream.flush()).await? {
        Ok(()) => Err("Ok".to_owned()),
        Err(error) => is_one_of(error.kind(), &[ErrorKind::ConnectionReset, ErrorKind::BrokenPipe]),
    }
}

async fn vanished<W: Io>(world: &W) -> Outcome<Stream<'_, W>> {
    let mut stream = connected_to(world, Role::Echo).await?;
    echoes(world, &mut stream, b"hello").await?;
    world.order(Order::Vanish)?;
    Ok(stream)
}

/// minimq has no limit of its own on what it sends.
async fn a_vanished_peer_ends_writing<W: Io>(world: &W) -> Outcome {
    let mut stream = vanished(world).await?;
    let kind = until_error(world, async || stream.write(b"x").await).await?;
    is_one_of(kind, &[ErrorKind::TimedOut])
}

/// Nobody waits for ever, and nobody is told that it has arrived.
async fn a_vanished_peer_ends_flushing<W: Io>(world: &W) -> Outcome {
    let mut stream = vanished(world).await?;
    write_all(world, &mut stream, b"hello").await?;
    match within(world, "error", stream.flush()).await? {
        Ok(()) => Err("Ok".to_owned()),
        Err(error) => is_one_of(error.kind(), &[ErrorKind::TimedOut]),
    }
}
