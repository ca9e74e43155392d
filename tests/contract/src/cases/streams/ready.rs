//! `ReadReady` and `WriteReady`: whether a call would wait.

use embedded_io_async::{Read, Write};

use super::super::tasks;
use super::{Stream, connected_to, echoes, pattern, read_exactly, write_all};
use crate::far::{Order, Role};
use crate::stacks::Readiness;
use crate::tasks::{Tasks, a_while, shown};
use crate::{Outcome, ensure, failed};

/// A world whose stack has connections that say whether they are ready.
pub trait Ready: Tasks<Stack: Readiness> {}

impl<W: Tasks<Stack: Readiness>> Ready for W {}

tasks! { Ready, [BlockingNet] lossy [BlockingNet]:
    read_ready_tells_whether_there_are_data from "ReadReady::read_ready",
    read_ready_is_true_at_the_end_of_the_stream from "ReadReady::read_ready",
    read_ready_is_true_for_an_error (RESET) from "ReadReady::read_ready",
    write_ready_tells_whether_there_is_room from "WriteReady::write_ready",
    write_ready_is_true_for_an_error from "WriteReady::write_ready",
}

fn read_ready<W: Ready>(stream: &mut Stream<'_, W>) -> Outcome<bool> {
    W::Stack::read_ready(stream).map_err(|error| failed("read_ready", &error))
}

fn write_ready<W: Ready>(stream: &mut Stream<'_, W>) -> Outcome<bool> {
    W::Stack::write_ready(stream).map_err(|error| failed("write_ready", &error))
}

/// A read, of which it was said that it would not wait.
async fn read_at_once<W: Ready>(
    world: &W,
    stream: &mut Stream<'_, W>,
) -> Outcome<Result<usize, super::Error<W>>> {
    let start = world.now();
    let read = stream.read(&mut [0; 16]).await;
    ensure(world.now() == start, "read waits")?;
    Ok(read)
}

/// If there are none, `read` would wait; if there are some, it does not.
async fn read_ready_tells_whether_there_are_data<W: Ready>(world: &W) -> Outcome {
    let mut stream = connected_to(world, Role::Sink).await?;
    ensure(!read_ready::<W>(&mut stream)?, "true without data")?;
    world.order(Order::Say(b"hello".to_vec()))?;
    came(world, &mut stream).await?;
    ensure(read_at_once(world, &mut stream).await?.is_ok_and(|size| size > 0), "no data")
}

/// Waits until the stream is ready to be read.
async fn came<W: Ready>(world: &W, stream: &mut Stream<'_, W>) -> Outcome {
    becomes(world, || read_ready::<W>(stream)).await
}

/// Waits until this is so.
async fn becomes<W: Ready>(world: &W, mut so: impl FnMut() -> Outcome<bool>) -> Outcome {
    let end = world.now() + W::PATIENCE;
    while !so()? {
        ensure(world.now() < end, "false for ever")?;
        a_while(world).await;
    }
    Ok(())
}

/// `read` then tells of the end, and does not wait.
async fn read_ready_is_true_at_the_end_of_the_stream<W: Ready>(world: &W) -> Outcome {
    let mut stream = connected_to(world, Role::Source(b"bye".to_vec())).await?;
    read_exactly(world, &mut stream, 3).await?;
    for _ in 0..2 {
        came(world, &mut stream).await?;
        ensure(read_at_once(world, &mut stream).await?.is_ok_and(|size| size == 0), "not the end")?;
    }
    Ok(())
}

/// `read` then fails, and does not wait.
async fn read_ready_is_true_for_an_error<W: Ready>(world: &W) -> Outcome {
    let mut stream = connected_to(world, Role::Echo).await?;
    echoes(world, &mut stream, b"hello").await?;
    world.order(Order::Reset)?;
    came(world, &mut stream).await?;
    ensure(read_at_once(world, &mut stream).await?.is_err(), "no error")
}

/// Writes for as long as it is said that this does not wait. How much that is.
async fn fill<W: Ready>(world: &W, stream: &mut Stream<'_, W>, data: &[u8]) -> Outcome<usize> {
    let mut written = 0;
    let mut idle = 0;
    while idle < 10 {
        if !write_ready::<W>(stream)? {
            idle += 1;
            a_while(world).await;
            continue;
        }
        idle = 0;
        let start = world.now();
        written += stream.write(&data[written..]).await.map_err(|error| failed("write", &error))?;
        ensure(world.now() == start, "write waits")?;
        ensure(written < data.len(), "true for ever")?;
    }
    Ok(written)
}

/// For as long as there is some, `write` does not wait.
async fn write_ready_tells_whether_there_is_room<W: Ready>(world: &W) -> Outcome {
    let mut stream = connected_to(world, Role::Hold).await?;
    let data = pattern(1 << 20);
    let written = fill(world, &mut stream, &data).await?;
    world.order(Order::Drain)?;
    shown(world, "delivery", |board| {
        board.connections.iter().any(|entry| entry.received == data[..written])
    })
    .await?;
    ensure(write_ready::<W>(&mut stream)?, "false with room")?;
    write_all(world, &mut stream, b"more").await
}

/// `write` then fails, and does not wait.
async fn write_ready_is_true_for_an_error<W: Ready>(world: &W) -> Outcome {
    let mut stream = connected_to(world, Role::Hold).await?;
    fill(world, &mut stream, &pattern(1 << 20)).await?;
    world.order(Order::Reset)?;
    loop {
        becomes(world, || write_ready::<W>(&mut stream)).await?;
        let start = world.now();
        let written = stream.write(b"x").await;
        ensure(world.now() == start, "write waits")?;
        // Until the RST comes there may be room.
        if written.is_err() {
            return Ok(());
        }
    }
}
