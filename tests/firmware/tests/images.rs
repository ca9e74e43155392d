//! The images, each against its real server, many times: every time with the same lines and the
//! same success, and in less than half a second of the guest's time.
//!
//! Run by `scripts/firmware`, with the images built, in a network namespace made for it: what a
//! guest reaches as 10.0.2.2 is the loopback interface there. Tests share its ports, and are run one
//! after the other.

#![cfg(target_os = "linux")]

#[allow(dead_code)] // Not all of it is needed here.
#[path = "../../../examples/clients/tests/servers/process.rs"]
mod process;
#[allow(dead_code)]
#[path = "../../../examples/clients/tests/servers/servers.rs"]
mod servers;

use std::cell::Cell;
use std::fs;
use std::io::{self, Read, Write};
use std::iter;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use defmt_decoder::{DecodeError, Table};
use process::{PATIENCE, Process, until};
use servers::{Broker, Directory, name_server, web_server};
use sockstate_firmware_tests::qemu::{self, Setup};
use sockstate_firmware_tests::{BY_DEFMT, Board, IMAGES, Image};

const RUNS: [(Board, usize); 2] = [(Board::Mps2An385, 20), (Board::Lm3s6965evb, 5)];

/// Many times what a run takes, and less than it takes to ask once more for whatever was lost.
const LIMIT: Duration = Duration::from_millis(500);

const HOST: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// Runs an image again and again, on each board. `run` gives what it has printed.
fn repeat(bin: &str, expected: &[&str], run: impl Fn(&Image, Board) -> Vec<String>) {
    let image = IMAGES.iter().find(|image| image.bin == bin).unwrap();
    for (board, runs) in RUNS {
        let time = || time_unless_overloaded(|| ended(expected, run(image, board)));
        let times: Vec<_> = (0..runs).map(|_| time()).collect();
        println!("{bin} on {}: {times:?}", board.name());
        assert!(times.iter().all(|time| *time < LIMIT), "{times:?}");
    }
}

/// The guest's time follows the host's. So if a run takes too long, but the kernel says that
/// processes had to wait for a processor for as long as it was late, it does not count: up to three
/// times.
fn time_unless_overloaded(run: impl Fn() -> Duration) -> Duration {
    for _ in 0..3 {
        let before = waited_for_processor();
        let time = run();
        let waited = waited_for_processor() - before;
        if time < LIMIT || waited < time - LIMIT {
            return time;
        }
        println!("does not count: {time:?}, of which {waited:?} in want of a processor");
    }
    run()
}

/// For how long some process has waited for a processor, by the kernel's pressure stall information;
/// without that, for no time.
fn waited_for_processor() -> Duration {
    let pressure = fs::read_to_string("/proc/pressure/cpu").unwrap_or_default();
    let some = pressure.lines().find(|line| line.starts_with("some "));
    let micros = some.and_then(|line| line.rsplit_once("total="));
    Duration::from_micros(micros.map_or(0, |(_, total)| total.parse().unwrap()))
}

/// How long the guest says it has run, after the expected lines, and others with numbers that are
/// never the same.
fn ended(expected: &[&str], mut lines: Vec<String>) -> Duration {
    let last = lines.pop().unwrap_or_default();
    lines.retain(|line| !line.ends_with(" wake-ups"));
    assert_eq!(lines, expected);
    let time = last.strip_prefix("ended after ").and_then(|time| time.strip_suffix(" ms"));
    Duration::from_millis(time.and_then(|time| time.parse().ok()).expect(&last))
}

fn names() -> Process {
    let records =
        ["echo", "broker", "www"].map(|name| format!("--host-record={name}.test,10.0.2.2"));
    name_server(HOST, &records)
}

#[test]
fn quickstart() {
    let _names = names();
    let stream = TcpListener::bind((HOST, 7)).unwrap();
    let datagrams = UdpSocket::bind((HOST, 7)).unwrap();
    thread::spawn(move || stream.incoming().try_for_each(|client| echo_stream(client?)));
    thread::spawn(move || echo_datagrams(&datagrams));

    let expected =
        ["quickstart: 14 bytes by UDP", "quickstart: 14 bytes by TCP", "quickstart: done"];
    repeat("quickstart", &expected, |image, board| image.start(board, &[]).finish());
    for board in Board::ALL {
        let image = BY_DEFMT.path(board);
        let output = qemu::command(board, &image, &Setup::default()).output().unwrap();
        assert!(output.status.success());
        ended(&expected, decoded(&image, &output.stdout));
    }
}

/// The lines of an image that are in these frames of defmt.
fn decoded(image: &Path, frames: &[u8]) -> Vec<String> {
    let table = Table::parse(&fs::read(image).unwrap()).unwrap().expect("lines of defmt");
    let mut decoder = table.new_stream_decoder();
    decoder.received(frames);
    let lines = iter::from_fn(|| match decoder.decode() {
        Err(DecodeError::UnexpectedEof) => None,
        frame => Some(frame.unwrap().display_message().to_string()),
    });
    lines.collect()
}

fn echo_stream(mut client: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 64];
    loop {
        match client.read(&mut buffer)? {
            0 => return Ok(()),
            size => client.write_all(&buffer[..size])?,
        }
    }
}

fn echo_datagrams(socket: &UdpSocket) -> io::Result<()> {
    let mut buffer = [0; 64];
    loop {
        let (size, from) = socket.recv_from(&mut buffer)?;
        socket.send_to(&buffer[..size], from)?;
    }
}

#[test]
fn http() {
    // A port for each client: QEMU's sockets that listen have a backlog of one, and who finds it
    // full asks again a second later.
    let ports = 8080..8088;
    let url = |port: u16, path: &str| format!("http://127.0.0.1:{port}/{path}");
    let forwards: Vec<_> = ports.clone().map(|port| format!("tcp:127.0.0.1:{port}-:80")).collect();
    let forwards: Vec<_> = forwards.iter().map(String::as_str).collect();

    repeat("http", &["http: listening", "http: 12 requests"], |image, board| {
        let image = image.start(board, &forwards);
        image.wait_for("http: listening");
        let mut at_once = vec!["--parallel".into(), "--parallel-immediate".into()];
        for port in ports.clone() {
            at_once.extend(["-o".into(), "/dev/null".into(), url(port, "")]);
        }
        assert_eq!(curl(&at_once), ["200"; 8]);

        assert_eq!(curl(&["--head".into(), url(ports.start, "")]).last().unwrap(), "501");
        let lines = curl(&["", "nothing", "stop"].map(|path| url(ports.start, path)));
        assert!(lines.iter().any(|line| line == "requests   10"), "{lines:?}");
        assert!(lines.iter().any(|line| line.starts_with("address    10.0.2.15/24")), "{lines:?}");
        assert!(lines.ends_with(&["200", "no such page", "404", "stopped", "200"].map(Into::into)));
        image.finish()
    });
}

/// What curl gets, and the status of each answer.
fn curl(arguments: &[String]) -> Vec<String> {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--no-progress-meter", "--max-time", "10"]);
    command.args(["-w", "%{http_code}\\n"]).args(arguments);
    Process::start("curl", &mut command).finish()
}

#[test]
fn mqtt() {
    let _names = names();
    let broker = Broker::start(SocketAddr::from((HOST, 1883)), false);
    let count = Cell::new(0);
    let command = |text: &str| {
        broker.tool("mosquitto_pub", &["-t", "thermometer/command", "-m", text]).finish();
    };
    repeat("mqtt", &["mqtt: done"], |image, board| {
        // A name of its own each time, by which the broker says that it is ready.
        let id = format!("watcher{}.", count.replace(count.get() + 1));
        let watcher =
            broker.tool("mosquitto_sub", &["-i", &id, "-t", "thermometer/#", "-F", "%t %p"]);
        broker.process().wait_for(&format!("Sending SUBACK to {id}"));
        let image = image.start(board, &[]);
        watcher.wait_for("thermometer/status every 1000 ms");
        command("interval 20");
        watcher.wait_for("thermometer/status every 20 ms");
        // One when it began, one when it was told to, and one by itself.
        watcher.wait_for_some(3, "thermometer/reading 21.");
        command("stop");
        watcher.wait_for("thermometer/status stopped");
        image.finish()
    });
}

#[test]
fn async_() {
    let (_names, directory) = (names(), Directory::new());
    directory.write("index.html", [b'x'; 8192]);
    let _nginx = web_server(SocketAddr::from((HOST, 80)), &directory, "");
    let expected = ["async: status 200, 8192 bytes", "async: done"];
    repeat("async", &expected, |image, board| image.start(board, &[]).finish());
}

#[test]
fn interrupt() {
    let forwards = ["tcp:127.0.0.1:7007-:7", "udp:127.0.0.1:7007-:7"];
    let expected = ["interrupt: ready", "interrupt: done"];
    repeat("interrupt", &expected, |image, board| {
        let image = image.start(board, &forwards);
        image.wait_for("interrupt: ready");
        let socket = UdpSocket::bind((HOST, 0)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.connect((HOST, 7007)).unwrap();
        let mut stream = TcpStream::connect((HOST, 7007)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        for number in 0..8 {
            let (datagram, piece) = ([number; 100], [number; 700]);
            let (mut echoed_datagram, mut echoed_piece) = ([0; 100], [0; 700]);
            socket.send(&datagram).unwrap();
            stream.write_all(&piece).unwrap();
            socket.recv(&mut echoed_datagram).unwrap();
            stream.read_exact(&mut echoed_piece).unwrap();
            assert_eq!((datagram, piece), (echoed_datagram, echoed_piece));
        }
        socket.send(b"stop").unwrap();
        image.finish()
    });
}
