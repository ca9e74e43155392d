//! A blocking, an nb and an async client at work on one stack at the same time, in one thread.
//! Threads do the same with a kernel in `tests/kernel`.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};

use embedded_io::{Read, Write};
use embedded_nal::{TcpClientStack, nb};
use sockstate::testing::Lab;
use sockstate::{AnyTcpSocket, Duration, Error, Net};

use super::common::drive::Bell;
use super::common::{far, pattern, slots, slow_cable};

const SIZE: usize = 20_000;

thread_local! {
    /// What passes the time of the lab.
    static PASS: Cell<Option<fn(Option<Duration>)>> = const { Cell::new(None) };
    /// What the others do while the blocking client waits.
    static OTHERS: RefCell<Option<Box<dyn FnMut()>>> = const { RefCell::new(None) };
}

fn idle(delay: Option<Duration>) {
    if let Some(mut others) = OTHERS.take() {
        others();
        OTHERS.set(Some(others));
    }
    if let Some(pass) = PASS.get() {
        pass(delay);
    }
}

/// A task, polled only when it was woken.
struct Task {
    future: Pin<Box<dyn Future<Output = ()>>>,
    bell: Arc<Bell>,
    waker: Waker,
    over: bool,
}

impl Task {
    fn new(future: impl Future<Output = ()> + 'static) -> Self {
        let (bell, waker) = Bell::new();
        waker.wake_by_ref();
        Task { future: Box::pin(future), bell, waker, over: false }
    }

    fn turn(&mut self) {
        while !self.over && self.bell.rang() > 0 {
            self.over = self.future.as_mut().poll(&mut Context::from_waker(&self.waker)).is_ready();
        }
    }
}

/// Sends back what one client sends.
async fn echo(net: &Net, port: u16) {
    let mut listener = net.tcp().unwrap().bind(port).unwrap().listen(1).unwrap();
    let (mut client, _) = listener.accept_async().await;
    let mut buffer = [0; 700];
    while let Ok(size) = client.receive_async(&mut buffer).await {
        client.send_all_async(&buffer[..size]).await.unwrap();
    }
}

/// Sends and receives at once, by futures.
async fn async_client(net: &Net, data: &[u8]) -> Vec<u8> {
    let connection = net.tcp().unwrap().connect(far(7)).unwrap().await.unwrap();
    let (mut reader, mut writer) = connection.split();
    let (mut echoed, mut buffer) = (Vec::new(), [0; 512]);
    for piece in data.chunks(1_000) {
        writer.send_all_async(piece).await.unwrap();
        let end = echoed.len() + piece.len();
        while echoed.len() < end {
            let size = reader.receive_async(&mut buffer).await.unwrap();
            echoed.extend_from_slice(&buffer[..size]);
        }
    }
    echoed
}

/// Sends and receives by calls that would block: one step.
struct NbClient {
    net: &'static Net,
    socket: AnyTcpSocket<'static>,
    connected: bool,
    rest: Vec<u8>,
    echoed: Rc<RefCell<Vec<u8>>>,
}

impl NbClient {
    fn step(&mut self) {
        let mut net = self.net;
        if !self.connected {
            match TcpClientStack::connect(&mut net, &mut self.socket, far(8)) {
                Ok(()) => self.connected = true,
                Err(nb::Error::WouldBlock) => return,
                Err(nb::Error::Other(error)) => panic!("{error}"),
            }
        }
        if let Ok(size) = TcpClientStack::send(&mut net, &mut self.socket, &self.rest) {
            self.rest.drain(..size);
        }
        let mut buffer = [0; 512];
        if let Ok(size) = TcpClientStack::receive(&mut net, &mut self.socket, &mut buffer) {
            self.echoed.borrow_mut().extend_from_slice(&buffer[..size]);
        }
    }
}

/// Sends and receives by calls that wait.
fn blocking_client(net: &Net, data: &[u8]) -> Result<Vec<u8>, Error> {
    let mut connection = net.tcp()?.connect(far(9))?.wait()?;
    let (mut echoed, mut buffer) = (Vec::new(), [0; 512]);
    for piece in data.chunks(1_000) {
        connection.write_all(piece)?;
        Write::flush(&mut connection)?;
        let end = echoed.len() + piece.len();
        while echoed.len() < end {
            let size = connection.read(&mut buffer)?;
            echoed.extend_from_slice(&buffer[..size]);
        }
    }
    Ok(echoed)
}

#[test]
fn a_blocking_an_nb_and_an_async_client() {
    let lab = Lab::builder(1)
        .near(slots(4, 4))
        .far(slots(8, 4))
        .cable(slow_cable())
        .configure_near(|config| {
            PASS.set(Some(config.idle));
            config.idle = idle;
        })
        .build();
    let lab: &'static Lab = Box::leak(Box::new(lab));
    let (near, far_net): (&'static Net, &'static Net) = (&lab.near, &lab.far);
    let data = pattern(SIZE);

    let (by_nb, by_async) = (Rc::<RefCell<Vec<u8>>>::default(), Rc::<RefCell<Vec<u8>>>::default());
    let mut tasks: Vec<_> = [7, 8, 9].map(|port| Task::new(echo(far_net, port))).into();
    tasks.push(Task::new({
        let (data, echoed) = (data.clone(), by_async.clone());
        async move { *echoed.borrow_mut() = async_client(near, &data).await }
    }));
    let mut nb_client = NbClient {
        net: near,
        socket: near.tcp().unwrap().into(),
        connected: false,
        rest: data.clone(),
        echoed: by_nb.clone(),
    };
    let mut others = move || {
        tasks.iter_mut().for_each(Task::turn);
        nb_client.step();
    };
    // The servers listen before anybody asks.
    others();
    OTHERS.set(Some(Box::new(others)));

    assert_eq!(blocking_client(near, &data), Ok(data.clone()));
    // All were at work meanwhile, and go on.
    assert!(!by_nb.borrow().is_empty());
    for _ in 0..10_000 {
        if by_nb.borrow().len() == SIZE && !by_async.borrow().is_empty() {
            break;
        }
        idle(None);
    }
    assert!(*by_nb.borrow() == data);
    assert!(*by_async.borrow() == data);
}
