//! Tasks on embassy's executor. One runs the stack, asleep until a frame interrupts; the other is
//! an HTTP client: reqwless, as it is published.
#![no_std]
#![no_main]

use core::net::IpAddr;

use cortex_m_rt::entry;
use embassy_executor::task;
use embassy_time::Delay;
use embedded_io_async::{Error as _, Read};
use reqwless::{client::HttpClient, request::Method};
use sockstate::{Config, Error, Instant, Net, Stack, Storage};
use sockstate_firmware::interrupts::interrupt;
use sockstate_firmware::semihosting::exit;
use sockstate_firmware::{Ethernet, HARDWARE_ADDR, SEED, clock, embassy, say};
use static_cell::{ConstStaticCell, StaticCell};

type BoardStack = Stack<Ethernet, fn() -> Instant>;

static STORAGE: ConstStaticCell<Storage<1, 1, 1024, 1024, 512, 4>> =
    ConstStaticCell::new(Storage::new());

#[entry]
fn main() -> ! {
    let Ok(stack) = start() else { exit(Err(())) };
    embassy::run(|spawner| {
        spawner.spawn(run(stack).unwrap());
        spawner.spawn(client(stack).unwrap());
    })
}

fn start() -> Result<&'static BoardStack, Error> {
    static STACK: StaticCell<BoardStack> = StaticCell::new();
    let config = Config::ethernet(HARDWARE_ADDR, SEED);
    let (device, now) = (sockstate_firmware::start(), clock::now as fn() -> Instant);
    Ok(STACK.init(Stack::new(STORAGE.take(), device, now, config)?))
}

#[interrupt]
fn Ethernet() {
    embassy::wake_receiver();
}

#[task]
async fn run(stack: &'static BoardStack) {
    exit(stack.run_with(Delay).await.map(|never| match never {}))
}

#[task]
async fn client(net: &'static Net) {
    exit(get(net).await)
}

async fn join_network(net: &Net) -> Result<(), Error> {
    net.dhcp()?.wait_async().await?;
    // Not the name server that DHCP tells of, which would ask the machine's: the test's, on the host.
    net.set_dns_servers(&[IpAddr::from([10, 0, 2, 2])])
}

async fn get(net: &Net) -> Result<(), reqwless::Error> {
    join_network(net).await.map_err(|error| error.kind())?;
    let mut client = HttpClient::new(&net, &net);
    let mut request = client.request(Method::GET, "http://www.test/").await?;
    let mut head = [0; 512];
    let response = request.send(&mut head).await?;
    let status = response.status.0;
    let mut body = response.body().reader();
    let (mut size, mut piece) = (0, [0; 256]);
    loop {
        match body.read(&mut piece).await? {
            0 => break,
            more => size += more,
        }
    }
    say!("async: status {}, {} bytes", status, size);
    say!("async: {} wake-ups", clock::wake_ups());
    say!("async: done");
    Ok(())
}
