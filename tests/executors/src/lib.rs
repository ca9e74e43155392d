//! What the tasks of each executor do: two stacks on a cable, with a runner each, a server, and a
//! client that has its data echoed. Real time, and no executor's types.

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use sockstate::device::{Plug, StdClock};
use sockstate::state::Listening;
use sockstate::{Config, Error, Heap, Net, Shared, Stack, TcpSocket};

/// What the client sends, in bytes.
pub const SIZE: usize = 1024 * 1024;

const SERVER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(192, 168, 69, 2)), 7);

pub type SharedStack = Stack<Plug, StdClock, Shared>;

/// Two stacks on one cable, for good.
pub fn stacks() -> (&'static SharedStack, &'static SharedStack) {
    let (near, far) = Plug::pair();
    let clock = StdClock::new();
    let stack = |plug, host: u8| {
        let config = Config::ethernet([0x02, 0, 0, 0, 0, host], host.into());
        let stack = Stack::shared(Heap::default(), plug, clock, config).unwrap();
        stack.add_address(format!("192.168.69.{host}/24").parse().unwrap()).unwrap();
        &*Box::leak(Box::new(stack))
    };
    (stack(near, 1), stack(far, 2))
}

/// The server's listener, which is there before anybody asks.
pub fn listen(net: &Net<Shared>) -> TcpSocket<'_, Listening, Shared> {
    net.tcp().unwrap().bind(SERVER.port()).unwrap().listen(1).unwrap()
}

/// Sends back what the client sends.
pub async fn serve(mut listener: TcpSocket<'_, Listening, Shared>) -> Result<(), Error> {
    let (mut client, _) = listener.accept_async().await;
    let mut buffer = vec![0; 4096];
    loop {
        match client.receive_async(&mut buffer).await {
            Ok(size) => client.send_all_async(&buffer[..size]).await?,
            Err(Error::PeerClosed) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// Sends, receives as much, and says whether it was the same.
pub async fn ask(net: &Net<Shared>) -> Result<bool, Error> {
    let connection = net.tcp()?.connect(SERVER)?.await?;
    let (mut reader, mut writer) = connection.split();
    let data: Vec<u8> = (0..SIZE).map(|at| (at ^ at >> 8 ^ at >> 16) as u8).collect();
    let (mut echoed, mut buffer) = (Vec::new(), vec![0; 4096]);
    for piece in data.chunks(16 * 1024) {
        writer.send_all_async(piece).await?;
        let end = echoed.len() + piece.len();
        while echoed.len() < end {
            let size = reader.receive_async(&mut buffer).await?;
            echoed.extend_from_slice(&buffer[..size]);
        }
    }
    Ok(echoed == data)
}

/// How often the tasks of a test were polled.
#[derive(Clone, Debug, Default)]
pub struct Polls(Arc<AtomicUsize>);

impl Polls {
    /// A task whose polls are counted.
    pub fn count<F>(&self, future: F) -> Counted<F> {
        Counted { future: Box::pin(future), polls: self.clone() }
    }

    /// Nobody spins: a task is polled when there is something for it, twice for each segment
    /// at most.
    #[track_caller]
    pub fn assert_few(&self) {
        let segments = 2 * SIZE / 1_460;
        let polls = self.0.load(Ordering::Relaxed);
        println!("{polls} polls for {segments} segments");
        assert!(polls > 100 && polls < 2 * segments, "{polls} polls for {segments} segments");
    }
}

/// A future whose polls are counted.
#[derive(Debug)]
pub struct Counted<F> {
    future: Pin<Box<F>>,
    polls: Polls,
}

impl<F: Future> Future for Counted<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.polls.0.fetch_add(1, Ordering::Relaxed);
        self.future.as_mut().poll(cx)
    }
}
