//! A blocking, an nb and an async client at work on one stack at the same time, each in a thread of
//! its own, with one more that runs the stack.

use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll};

use super::*;

/// Each client sends so much and has it echoed.
const BYTES: usize = 4 * MIB as usize;

/// What goes back and forth at a time.
const PIECE: usize = 20_000;

/// Runs a future in this thread, which sleeps until it is woken.
fn block_on<F: Future>(future: F) -> F::Output {
    let waker = device::thread_waker();
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// By calls that wait: embedded-io.
fn blocking_client(net: &Net<Shared>, server: SocketAddr, data: &[u8]) -> Vec<u8> {
    use embedded_io::{Read, Write};

    let mut connection = connect(net, server);
    let (mut echoed, mut buffer) = (Vec::new(), vec![0; PIECE]);
    for piece in data.chunks(PIECE) {
        connection.write_all(piece).unwrap();
        connection.read_exact(&mut buffer[..piece.len()]).unwrap();
        echoed.extend_from_slice(&buffer[..piece.len()]);
    }
    assert_eq!(connection.shutdown().read(&mut buffer), Ok(0));
    echoed
}

/// By calls that would block: embedded-nal.
fn nb_client(mut net: &Net<Shared>, server: SocketAddr, data: &[u8]) -> Vec<u8> {
    let mut socket = TcpClientStack::socket(&mut net).unwrap();
    nb::block!(TcpClientStack::connect(&mut net, &mut socket, server)).unwrap();
    let (mut sent, mut echoed, mut buffer) = (0, Vec::new(), vec![0; PIECE]);
    while echoed.len() < data.len() {
        // No more on its way than both sides have room for.
        let piece = &data[sent..data.len().min(echoed.len() + PIECE)];
        match TcpClientStack::send(&mut net, &mut socket, piece) {
            Ok(size) => sent += size,
            Err(nb::Error::WouldBlock) => {}
            Err(nb::Error::Other(error)) => panic!("{error}"),
        }
        match TcpClientStack::receive(&mut net, &mut socket, &mut buffer) {
            Ok(size) => echoed.extend_from_slice(&buffer[..size]),
            Err(nb::Error::WouldBlock) => thread::yield_now(),
            Err(nb::Error::Other(error)) => panic!("{error}"),
        }
    }
    echoed
}

/// By futures.
async fn async_client(net: &Net<Shared>, server: SocketAddr, data: &[u8]) -> Vec<u8> {
    let mut connection = net.tcp().unwrap().connect(server).unwrap().await.unwrap();
    let (mut echoed, mut buffer) = (Vec::new(), vec![0; PIECE]);
    for piece in data.chunks(PIECE) {
        connection.send_all_async(piece).await.unwrap();
        let end = echoed.len() + piece.len();
        while echoed.len() < end {
            let size = connection.receive_async(&mut buffer).await.unwrap();
            echoed.extend_from_slice(&buffer[..size]);
        }
    }
    connection.close().await.unwrap();
    echoed
}

pub(crate) fn a_blocking_an_nb_and_an_async_client(family: Family) {
    let wire = Wire::new(family);
    let tap = wire.tap();
    let doze = tap.doze().unwrap();
    let stack = Stack::shared(Heap::default(), tap, StdClock::new(), wire.config()).unwrap();
    wire.join(&stack);
    let (listener, server) = wire.kernel_listener();
    let kernel = thread::spawn(move || {
        let serve = |_| {
            let mut stream = kernel_accept(&listener);
            thread::spawn(move || echo(&mut stream))
        };
        [0; 3].map(serve).into_iter().for_each(|client| client.join().unwrap());
    });

    let (net, data) = (&*stack, Random(wire.seed).bytes(BYTES));
    let (data, over) = (&data[..], AtomicBool::new(false));
    thread::scope(|threads| {
        let run = threads.spawn(|| {
            net.run(&doze.waker(), |delay| {
                doze.sleep(delay);
                match over.load(Ordering::Acquire) {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            })
        });
        let clients = [
            threads.spawn(move || {
                start_limit();
                blocking_client(net, server, data)
            }),
            threads.spawn(move || nb_client(net, server, data)),
            threads.spawn(move || block_on(async_client(net, server, data))),
        ];
        let echoed = clients.map(|client| client.join());
        let heard = kernel.join();
        // Also if somebody has failed.
        over.store(true, Ordering::Release);
        doze.waker().wake();
        run.join().unwrap().unwrap();
        for echoed in echoed {
            assert!(echoed.unwrap() == data);
        }
        heard.unwrap();
    });
}
