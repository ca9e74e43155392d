//! The fault of smoltcp that segments are withheld for. When this fails it is mended there, and
//! nothing has to be withheld any more.

use std::rc::Rc;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::socket::tcp::{RecvError, Socket, SocketBuffer};
use smoltcp::wire::{
    EthernetAddress, IpProtocol, Ipv4Packet, Ipv4Repr, TcpControl, TcpPacket, TcpRepr,
};
use sockstate::Instant;

use super::addresses::Addresses;
use super::device::{Device, Pool, Wire};

const WINDOW: usize = 128;
const BEYOND: usize = 10;
const ETHERNET: usize = 14;

struct Host {
    wire: Rc<Wire>,
    device: Device,
    iface: Interface,
    sockets: SocketSet<'static>,
    socket: SocketHandle,
}

impl Host {
    fn new(node: usize) -> Self {
        let wire = Rc::new(Wire::default());
        wire.room.set(usize::MAX);
        let mut device = Device::new(wire.clone(), Pool::default(), 1_514);
        let config = Config::new(EthernetAddress([2, 0, 0, 0, 0, node as u8]).into());
        let mut iface = Interface::new(config, &mut device, Instant::ZERO);
        let network = Addresses::new(2).network(node, false);
        iface.update_ip_addrs(|addrs| addrs.push(network).unwrap());
        let mut sockets = SocketSet::new(vec![]);
        let buffer = || SocketBuffer::new(vec![0; WINDOW]);
        let socket = sockets.add(Socket::new(buffer(), buffer()));
        Host { wire, device, iface, sockets, socket }
    }

    fn socket(&mut self) -> &mut Socket<'static> {
        self.sockets.get_mut(self.socket)
    }

    fn poll(&mut self) {
        self.iface.poll(Instant::ZERO, &mut self.device, &mut self.sockets);
    }

    fn hear(&mut self, other: &Host) {
        self.wire.arrived.borrow_mut().append(&mut other.wire.sent.borrow_mut());
        self.poll();
    }
}

/// The same segment with another payload, at the end of the stream.
fn with_last_bytes(frame: &[u8], payload: &[u8]) -> Vec<u8> {
    let checksums = ChecksumCapabilities::default();
    let packet = Ipv4Packet::new_checked(&frame[ETHERNET..]).unwrap();
    let (src, dst) = (packet.src_addr(), packet.dst_addr());
    let segment = TcpPacket::new_checked(packet.payload()).unwrap();
    let repr = TcpRepr::parse(&segment, &src.into(), &dst.into(), &checksums).unwrap();
    let repr = TcpRepr { control: TcpControl::Fin, payload, ..repr };
    let ip = Ipv4Repr {
        src_addr: src,
        dst_addr: dst,
        next_header: IpProtocol::Tcp,
        payload_len: repr.buffer_len(),
        hop_limit: 64,
    };
    let mut changed = frame[..ETHERNET].to_vec();
    changed.resize(ETHERNET + ip.buffer_len() + repr.buffer_len(), 0);
    let (header, rest) = changed[ETHERNET..].split_at_mut(ip.buffer_len());
    ip.emit(&mut Ipv4Packet::new_unchecked(header), &checksums);
    let mut segment = TcpPacket::new_unchecked(rest);
    repr.emit(&mut segment, &src.into(), &dst.into(), &checksums);
    changed
}

#[test]
fn smoltcp_ends_a_stream_before_the_bytes_that_its_window_cut_off() {
    let (mut near, mut far) = (Host::new(0), Host::new(1));
    far.socket().listen(80).unwrap();
    let remote = Addresses::new(2).endpoint(1, false, 80);
    let socket = near.sockets.get_mut::<Socket<'_>>(near.socket);
    socket.connect(near.iface.context(), remote, 6_000).unwrap();
    near.poll();
    for _ in 0..4 {
        far.hear(&near);
        near.hear(&far);
    }
    near.socket().send_slice(b"replaced").unwrap();
    near.poll();
    let frame = near.wire.sent.borrow_mut().pop_front().unwrap();
    let last = with_last_bytes(&frame, &[7; WINDOW + BEYOND]);

    // The device would withhold it.
    let segment = super::frame::segment(&last, false).unwrap();
    assert!(far.wire.flows.is_end_beyond_window(&segment));
    far.wire.flows.release();
    far.wire.arrived.borrow_mut().push_back(last);
    far.poll();

    let mut buffer = [0; 2 * WINDOW];
    assert_eq!(far.socket().recv_slice(&mut buffer), Ok(WINDOW));
    assert_eq!(far.socket().recv_slice(&mut buffer), Err(RecvError::Finished));
}
