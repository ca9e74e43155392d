//! Pings, and whole IP packets.

use sockstate::smoltcp::phy::ChecksumCapabilities;
use sockstate::smoltcp::wire::{IpProtocol, IpRepr, UdpPacket, UdpRepr};
use sockstate::{IpVersion, RawSocket, state::Bound};

use super::*;

/// For experiments, RFC 3692.
const EXPERIMENT: u8 = 253;

impl Family {
    fn version(self) -> IpVersion {
        match self {
            Family::V4 => IpVersion::V4,
            Family::V6 => IpVersion::V6,
        }
    }

    fn header_len(self) -> usize {
        match self {
            Family::V4 => 20,
            Family::V6 => 40,
        }
    }
}

/// Runs the example on the wire, and gives its exit status and what it printed.
fn run_ping(wire: &Wire, arguments: &[&str]) -> (Option<i32>, String) {
    ip(&["tuntap", "add", "dev", &wire.name, "mode", "tap"]);
    wire.plug();
    // Beside the directory of this program, where `scripts/kernel` had it built.
    let program = env::current_exe().unwrap().with_file_name("../examples/ping");
    let mut ping = Command::new(program)
        .args(["--tap", &wire.name, "--address", &wire.with_prefix(wire.our(0))])
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the example, built by scripts/kernel");
    let status = loop {
        check_limit();
        if let Some(status) = ping.try_wait().unwrap() {
            break status;
        }
        device::sleep(None);
    };
    let mut printed = String::new();
    ping.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
    (status.code(), printed)
}

pub(crate) fn the_ping_example_and_the_kernel(family: Family) {
    let wire = Wire::new(family);
    let kernel = wire.host(1).to_string();
    let (status, printed) =
        run_ping(&wire, &["-c", "5", "-i", "0.1", "-s", "1000", "-W", "20", &kernel]);
    assert_eq!(status, Some(0), "{printed}");
    for seq_no in 1..=5 {
        let reply = format!("1008 bytes from {kernel}: icmp_seq={seq_no} ttl=64 time=");
        assert_eq!(printed.matches(&reply).count(), 1, "{printed}");
    }
    assert!(
        printed.contains("\n5 packets transmitted, 5 received, 0% packet loss, time "),
        "{printed}"
    );
    let times = printed.split("rtt min/avg/max/mdev = ").nth(1).unwrap();
    let times: Vec<f64> = times
        .trim_end()
        .trim_end_matches(" ms")
        .split('/')
        .map(|time| time.parse().unwrap())
        .collect();
    assert!(0.0 < times[0] && times[0] <= times[1] && times[1] <= times[2], "{printed}");
}

pub(crate) fn the_ping_example_and_nobody(family: Family) {
    let wire = Wire::new(family);
    let nobody = wire.host(99).to_string();
    let (status, printed) = run_ping(&wire, &["-c", "3", "-i", "0.1", "-W", "0.5", &nobody]);
    assert_eq!(status, Some(1), "{printed}");
    assert!(
        printed.contains("\n3 packets transmitted, 0 received, 100% packet loss, time "),
        "{printed}"
    );
    assert!(!printed.contains("bytes from"), "{printed}");
}

/// A packet from the stack to the kernel.
fn packet(wire: &Wire, protocol: IpProtocol, payload: &[u8]) -> Vec<u8> {
    let header = IpRepr::new(wire.host(2).into(), wire.host(1).into(), protocol, payload.len(), 64);
    let mut packet = vec![0; header.header_len()];
    header.emit(&mut packet, &ChecksumCapabilities::default());
    packet.extend(payload);
    packet
}

/// The payload of the next packet that is of interest, and comes from the kernel.
fn next(
    socket: &mut RawSocket<'_, Bound>,
    wire: &Wire,
    mut is_of_interest: impl FnMut(&[u8]) -> bool,
) -> Vec<u8> {
    let src = match wire.host(1) {
        IpAddr::V4(addr) => (12, addr.octets().to_vec()),
        IpAddr::V6(addr) => (8, addr.octets().to_vec()),
    };
    loop {
        let packet = socket.net().block(|| socket.recv_with(<[u8]>::to_vec)).unwrap();
        assert!(packet[src.0..].starts_with(&src.1), "not from the kernel");
        let payload = &packet[wire.family.header_len()..];
        if is_of_interest(payload) {
            return payload.to_vec();
        }
    }
}

pub(crate) fn a_datagram_made_by_hand_and_its_answer(family: Family) {
    let wire = Wire::new(family);
    let stack = wire.stack();
    let (kernel_socket, server) = wire.kernel_udp();
    let kernel = thread::spawn(move || {
        let mut buffer = [0; 2_048];
        let (size, from) = kernel_socket.recv_from(&mut buffer).unwrap();
        buffer[..size].reverse();
        kernel_socket.send_to(&buffer[..size], from).unwrap();
        from
    });

    let mut socket = stack.raw().unwrap().bind(family.version(), 17).unwrap();
    let data = Random(wire.seed).bytes(1_000);
    let mut datagram = vec![0; 8 + data.len()];
    UdpRepr { src_port: PORT, dst_port: server.port() }.emit(
        &mut UdpPacket::new_unchecked(&mut datagram),
        &wire.host(2).into(),
        &wire.host(1).into(),
        data.len(),
        |payload| payload.copy_from_slice(&data),
        &ChecksumCapabilities::default(),
    );
    stack.block(|| socket.send(&packet(&wire, IpProtocol::Udp, &datagram))).unwrap();

    let to_us = |payload: &[u8]| UdpPacket::new_unchecked(payload).dst_port() == PORT;
    let answer = next(&mut socket, &wire, to_us);
    let answer = UdpPacket::new_checked(&answer[..]).unwrap();
    assert!(answer.verify_checksum(&wire.host(1).into(), &wire.host(2).into()));
    assert_eq!(answer.src_port(), server.port());
    assert!(answer.payload().iter().eq(data.iter().rev()));
    assert_eq!(join(&stack, kernel), wire.our(PORT));
}

pub(crate) fn packets_of_an_unknown_protocol_go_both_ways(family: Family) {
    const SOCK_RAW: i32 = 3;
    let wire = Wire::new(family);
    let stack = wire.stack();
    let mut socket = stack.raw().unwrap().bind(family.version(), EXPERIMENT).unwrap();

    let domain = socket2::Domain::for_address(wire.kernel(0));
    let mut kernel_socket =
        socket2::Socket::new(domain, SOCK_RAW.into(), Some(i32::from(EXPERIMENT).into())).unwrap();
    kernel_socket.bind(&wire.kernel(0).into()).unwrap();
    kernel_socket.connect(&wire.our(0).into()).unwrap();
    kernel_socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let kernel = thread::spawn(move || {
        let mut buffer = [0; 2_048];
        for _ in 0..3 {
            let size = kernel_socket.read(&mut buffer).unwrap();
            // Of IPv4, the kernel shows the header, too.
            let header = if matches!(family, Family::V4) { family.header_len() } else { 0 };
            kernel_socket.send(&buffer[header..size]).unwrap();
        }
    });
    for size in [0, 1, 1_400] {
        let data = Random(wire.seed).bytes(size);
        let protocol = IpProtocol::from(EXPERIMENT);
        stack.block(|| socket.send(&packet(&wire, protocol, &data))).unwrap();
        assert!(next(&mut socket, &wire, |_| true) == data);
    }
    join(&stack, kernel);
}
