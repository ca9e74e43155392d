//! A stack shared by threads: one reads a connection, another writes it, a third serves the far
//! end. Nothing sleeps; whoever has nothing to do lets the others go on.

use std::thread;

use sockstate::device::{Plug, StdClock};
use sockstate::{Config, Error, Heap, Net, Shared, Stack};

const BYTES: usize = 1 << 20;
const CHUNK: usize = 1 << 18;

fn pattern(at: usize) -> u8 {
    (at ^ at >> 8) as u8
}

fn stack(plug: Plug, host: u8) -> Stack<Plug, StdClock, Shared> {
    let mut config = Config::ethernet([0x02, 0, 0, 0, 0, host], host.into());
    config.idle = |_| thread::yield_now();
    let stack = Stack::shared(Heap::default(), plug, StdClock::new(), config).unwrap();
    stack.add_address(format!("192.168.69.{host}/24").parse().unwrap()).unwrap();
    stack
}

/// Sends back everything of one connection.
fn echo(net: &Net<Shared>) {
    let mut listener = net.tcp().unwrap().bind(7).unwrap().listen(1).unwrap();
    let (mut connection, _) = net.block(|| listener.accept()).unwrap();
    let mut buffer = [0; 4096];
    loop {
        match net.block(|| connection.receive(&mut buffer)) {
            Ok(n) => {
                let mut sent = 0;
                while sent < n {
                    sent += net.block(|| connection.send(&buffer[sent..n])).unwrap();
                }
            }
            Err(Error::PeerClosed) => break,
            Err(error) => panic!("echo: {error}"),
        }
    }
    connection.close().wait().unwrap();
}

#[test]
fn a_reader_and_a_writer_in_different_threads() {
    let (near, far) = Plug::pair();
    let (near, far) = (stack(near, 1), stack(far, 2));
    thread::scope(|threads| {
        let echo = threads.spawn(|| echo(&far));
        // The echo listens in its own time: a refusal before that is tried again.
        let socket = loop {
            let remote = "192.168.69.2:7".parse().unwrap();
            match near.tcp().unwrap().connect(remote).unwrap().wait() {
                Ok(socket) => break socket,
                Err(failed) => assert_eq!(failed.error(), Error::Refused),
            }
        };
        let (mut reader, mut writer) = socket.split();
        threads.spawn(move || {
            // More at a time than the buffer holds: it waits for the echo to make room.
            for start in (0..BYTES).step_by(CHUNK) {
                let chunk: Vec<u8> = (start..start + CHUNK).map(pattern).collect();
                writer.send_all(&chunk).unwrap();
            }
        });
        let mut received = 0;
        let mut buffer = [0; 4096];
        loop {
            match reader.net().block(|| reader.receive(&mut buffer)) {
                Ok(n) => {
                    assert!((0..n).all(|at| buffer[at] == pattern(received + at)));
                    received += n;
                }
                Err(Error::PeerClosed) => break,
                Err(error) => panic!("reader: {error}"),
            }
        }
        assert_eq!(received, BYTES);
        // The close of the other end has still to be answered.
        drop(reader);
        while !echo.is_finished() {
            near.poll().unwrap();
            thread::yield_now();
        }
    });
}
