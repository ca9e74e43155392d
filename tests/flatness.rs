//! What an event of one watched connection costs, with its round trip, beside other sockets that are
//! watched: the same, however many there are. (Of sockets that are not watched, tests/bench tells.)
//!
//! The cost is counted in instructions, by callgrind, which gives the same number every time. Only
//! the near end's work counts (one of the functions named `near_end_*`); the far end is driven
//! outside. This program runs itself under valgrind, with two lengths for each case, and takes the
//! difference, so that warming up drops out. See `scripts/flatness`.

use std::hint::black_box;
use std::process::Command;

use sockstate::state::{Bound, Connected};
use sockstate::testing::{Lab, LabStack};
use sockstate::{
    AnyTcpSocket, AnyUdpSocket, Duration, Error, Heap, Ready, TcpSocket, UdpSocket, Watch,
};

const CASE: &str = "FLATNESS_CASE";
const COUNTS: [u16; 5] = [1, 16, 32, 256, 1_024];
const SHORT: u64 = 100;
const LONG: u64 = 600;
/// How far the costs with 1 and with 1,024 sockets may be apart, in percent.
const TOLERANCE: f64 = 2.0;

const IDLE: [&str; 3] = ["TCP listening", "TCP connected", "UDP bound"];

fn main() -> Result<(), Error> {
    match std::env::var(CASE) {
        Ok(case) => run(&case),
        Err(_) => {
            measure();
            Ok(())
        }
    }
}

/// Prints the table, and fails if the cost is not flat.
fn measure() {
    println!(
        "instructions for an event and a round trip of 64 bytes, with so many sockets watched"
    );
    print!("{:<36}", "");
    COUNTS.iter().for_each(|count| print!("{count:>9}"));
    println!("{:>9}{:>9}", "1024/1", "1024/32");
    let mut flat = true;
    for idle in IDLE {
        let costs = COUNTS.map(|count| cost(idle, count));
        let growth = (costs[COUNTS.len() - 1] / costs[0] - 1.0) * 100.0;
        let later = (costs[COUNTS.len() - 1] / costs[2] - 1.0) * 100.0;
        print!("{:<36}", format!("others {idle}"));
        costs.iter().for_each(|cost| print!("{cost:>9.0}"));
        println!("{growth:>+8.2}%{later:>+8.2}%");
        flat &= growth.abs() <= TOLERANCE && later.abs() <= TOLERANCE;
    }
    assert!(flat, "the cost grows with the number of sockets by more than {TOLERANCE} %");
}

fn cost(idle: &str, count: u16) -> f64 {
    let [short, long] = [SHORT, LONG].map(|trips| instructions(&format!("{idle},{count},{trips}")));
    (long - short) as f64 / (LONG - SHORT) as f64
}

/// Runs one case under callgrind.
fn instructions(case: &str) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no"])
        .arg("--toggle-collect=*near_end_*")
        .arg(std::env::current_exe().expect("this program"))
        .env(CASE, case)
        .output()
        .expect("valgrind is installed");
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{case}: {report}");
    let collected = report.lines().find_map(|line| line.split("Collected : ").nth(1));
    collected.and_then(|count| count.trim().parse().ok()).expect("a count of instructions")
}

fn run(case: &str) -> Result<(), Error> {
    let [idle, count, trips] = case.split(',').collect::<Vec<_>>()[..] else {
        panic!("not a case: {case}");
    };
    let (count, trips): (u16, u64) = (count.parse().unwrap(), trips.parse().unwrap());
    // One slot more, for the listeners that set up connections.
    let slots = usize::from(count) + 1;
    let heap = Heap {
        tcp: slots,
        udp: slots,
        tcp_rx: 256,
        tcp_tx: 256,
        udp_buf: 256,
        udp_packets: 4,
        ..Heap::default()
    };
    let lab = Lab::builder(1).near(heap).far(Heap { tcp: slots + 1, ..heap }).build();
    let connection = lab.connection()?;
    // Opened after the active one, so that whatever is found newest first finds them before it.
    let others = (1..count).map(|n| open(&lab, idle, n)).collect::<Result<Vec<_>, _>>()?;
    let mut watch = lab.near.watch()?;
    watch.add(&connection.0, 0, Ready::RECEIVE)?;
    for (other, key) in others.iter().map(|[near, _]| near).zip(1..) {
        match other {
            Other::Tcp(socket) => watch.add(socket, key, Ready::RECEIVE | Ready::ACCEPT)?,
            Other::Udp(socket) => watch.add(socket, key, Ready::RECEIVE)?,
            Other::None => {}
        }
    }
    watched_round_trips(&lab, watch, connection, trips)
}

/// One more idle socket at the near end.
fn open<'lab>(lab: &'lab Lab, idle: &str, n: u16) -> Result<[Other<'lab>; 2], Error> {
    let port = 10_000 + n;
    Ok(match idle {
        "TCP listening" => [lab.near.tcp()?.bind(port)?.listen(1)?.into(), Other::None],
        "TCP connected" => {
            let (near, far) = lab.connection()?;
            [near.into(), far.into()]
        }
        "UDP bound" => [lab.near.udp()?.bind(port)?.into(), Other::None],
        other => panic!("no such sockets: {other}"),
    })
}

/// A socket that does nothing but be there.
#[allow(dead_code)]
enum Other<'lab> {
    None,
    Tcp(AnyTcpSocket<'lab>),
    Udp(AnyUdpSocket<'lab>),
}

impl<'lab, St: sockstate::state::State> From<TcpSocket<'lab, St>> for Other<'lab>
where
    AnyTcpSocket<'lab>: From<TcpSocket<'lab, St>>,
{
    fn from(socket: TcpSocket<'lab, St>) -> Self {
        Other::Tcp(socket.into())
    }
}

impl<'lab> From<UdpSocket<'lab, Bound>> for Other<'lab> {
    fn from(socket: UdpSocket<'lab, Bound>) -> Self {
        Other::Udp(socket.into())
    }
}

type Connection<'lab> = (TcpSocket<'lab, Connected>, TcpSocket<'lab, Connected>);

fn watched_round_trips(
    lab: &Lab,
    mut watch: Watch<'_>,
    (mut near, mut far): Connection<'_>,
    trips: u64,
) -> Result<(), Error> {
    for _ in 0..trips {
        far.send(&[7; 64]).map_err(settled)?;
        lab.far.poll()?;
        near_end_watched(&lab.near, &mut watch, &mut near);
        assert_eq!(far.receive(&mut [0; 128]), Ok(64));
        lab.clock.advance(Duration::from_millis(1));
    }
    Ok(())
}

fn settled(error: sockstate::nb::Error<Error>) -> Error {
    match error {
        sockstate::nb::Error::Other(error) => error,
        sockstate::nb::Error::WouldBlock => panic!("the far end is never busy"),
    }
}

/// What is counted: taking in the frame, which the set of sockets does that is asked which of them it
/// was for, until there is none; the application, sending the answer, and asking how long to sleep.
#[inline(never)]
fn near_end_watched(
    stack: &LabStack,
    watch: &mut Watch<'_>,
    socket: &mut TcpSocket<'_, Connected>,
) {
    let mut buffer = [0; 64];
    let event = watch.event().expect("an event");
    assert_eq!((event.key, event.ready), (0, Ready::RECEIVE));
    assert_eq!(socket.receive(&mut buffer), Ok(64));
    assert_eq!(socket.send(&buffer), Ok(64));
    assert!(watch.event().is_err());
    black_box(stack.poll_delay());
}
