//! Calls of ICMP and raw sockets, look-ups, sets of sockets, and of the network itself.

use embedded_nal::Dns;
use sockstate::{AddrType, AnyIcmpSocket, AnyRawSocket, Failed, IpCidr, IpVersion, Net, nb};

use super::{HOSTS, Program, any, data, interest, own_addr, poll_once, remote_addr, room, take};
use crate::bench::{GROUP, OWN_V4, OWN_V6, host_v4, host_v6, name_servers};
use crate::dice::Dice;
use crate::packet::ip;

pub const IDENTS: [u16; 2] = [7, 0x1234];
pub const RAW_KINDS: [(IpVersion, u8); 3] =
    [(IpVersion::V4, 253), (IpVersion::V6, 253), (IpVersion::V4, 2)];

impl<'n> Program<'n> {
    pub fn call_packets(&mut self, dice: &mut Dice<'_>) {
        let net = self.net();
        let mut buffer = [0; 700];
        match dice.below(10) {
            0 | 1 => self.icmp.extend(net.icmp().map(AnyIcmpSocket::from)),
            2 => self.raw.extend(net.raw().map(AnyRawSocket::from)),
            3 => drop(take(dice, &mut self.icmp)),
            4 => drop(take(dice, &mut self.raw)),
            5..=7 => match take(dice, &mut self.icmp) {
                Some(AnyIcmpSocket::Closed(socket)) => {
                    let bound = match dice.one_in(3) {
                        true => socket.bind_any(),
                        false => socket.bind(dice.pick(&IDENTS)),
                    };
                    let bound = bound.map(AnyIcmpSocket::from);
                    self.icmp.push(bound.unwrap_or_else(|failed| failed.into_socket().into()));
                }
                Some(AnyIcmpSocket::Bound(mut socket)) => {
                    match dice.below(4) {
                        0 => drop(socket.send_echo(remote_addr(dice), dice.word(), data(dice))),
                        1 => drop(socket.receive_echo(room(dice, &mut buffer))),
                        2 => drop(poll_once(socket.ready(interest(dice)))),
                        _ => drop((socket.flush(), socket.next_len())),
                    }
                    self.icmp.push(socket.into());
                }
                _ => {}
            },
            _ => match take(dice, &mut self.raw) {
                Some(AnyRawSocket::Closed(socket)) => {
                    let (version, protocol) = dice.pick(&RAW_KINDS);
                    let bound = socket.bind(version, protocol).map(AnyRawSocket::from);
                    self.raw.push(bound.unwrap_or_else(|failed: Failed<_>| {
                        AnyRawSocket::from(failed.into_socket())
                    }));
                }
                Some(AnyRawSocket::Bound(mut socket)) => {
                    let own = own_addr(dice);
                    let to = if own == OWN_V4 { host_v4(0) } else { host_v6(0) };
                    let protocol = dice.pick(&[253, 2]);
                    let packet = ip((own, to), protocol, 9, dice.one_in(8), data(dice));
                    match dice.below(5) {
                        0 => drop(socket.send(&packet)),
                        1 => {
                            let _ = socket.send_with(packet.len(), |room| {
                                room.copy_from_slice(&packet);
                                room.len()
                            });
                        }
                        2 => drop(socket.receive(room(dice, &mut buffer))),
                        3 => drop(poll_once(socket.ready(interest(dice)))),
                        _ => drop((socket.flush(), socket.next_len())),
                    }
                    self.raw.push(socket.into());
                }
                _ => {}
            },
        }
    }

    pub fn call_lookups(&mut self, dice: &mut Dice<'_>) {
        let mut net: &Net = self.net();
        let host = dice.pick(&HOSTS);
        let kind = dice.pick(&[AddrType::Ipv4, AddrType::Ipv6, AddrType::Either]);
        match dice.below(8) {
            0 | 1 => self.lookups.extend(self.net().lookup(host, kind)),
            2 => self.names.extend(self.net().lookup_name(remote_addr(dice))),
            3 => drop(take(dice, &mut self.lookups)),
            4 => drop(take(dice, &mut self.names)),
            5 => {
                let kind = match kind {
                    AddrType::Ipv4 => embedded_nal::AddrType::IPv4,
                    AddrType::Ipv6 => embedded_nal::AddrType::IPv6,
                    AddrType::Either => embedded_nal::AddrType::Either,
                };
                let _ = net.get_host_by_name(host, kind);
            }
            6 => {
                let _ = net.get_host_by_address(remote_addr(dice), &mut [0; 20]);
            }
            _ => {
                if let Some(lookup) = any(dice, &mut self.lookups) {
                    let _ = poll_once(lookup.poll_all_async());
                }
                self.lookups.retain_mut(|lookup| lookup.poll() == Err(nb::Error::WouldBlock));
                self.names.retain_mut(|lookup| lookup.poll() == Err(nb::Error::WouldBlock));
            }
        }
    }

    pub fn call_watches(&mut self, dice: &mut Dice<'_>) {
        let net = self.net();
        let key = dice.byte().into();
        match dice.below(8) {
            0 | 1 => self.watches.extend(net.watch()),
            2 => drop(take(dice, &mut self.watches)),
            3 => {
                if let Some(watch) = any(dice, &mut self.watches) {
                    let _ = poll_once(watch.event_async());
                    // What is ready stays so: there may be no end of events.
                    let _ = core::iter::from_fn(|| watch.event().ok()).take(8).count();
                }
            }
            kind => {
                let Some(watch) = any(dice, &mut self.watches) else { return };
                let interest = interest(dice);
                let tcp = any(dice, &mut self.tcp);
                let _ = match kind {
                    4 => tcp.map(|socket| watch.add(socket, key, interest)),
                    5 => tcp.map(|socket| watch.remove(socket)),
                    6 => any(dice, &mut self.readers).map(|half| watch.add(half, key, interest)),
                    _ => match dice.below(4) {
                        0 => any(dice, &mut self.udp).map(|it| watch.add(it, key, interest)),
                        1 => any(dice, &mut self.writers).map(|it| watch.add(it, key, interest)),
                        2 => any(dice, &mut self.icmp).map(|it| watch.add(it, key, interest)),
                        _ => any(dice, &mut self.lookups).map(|it| watch.add(it, key, interest)),
                    },
                };
            }
        }
    }

    pub fn call_network(&mut self, dice: &mut Dice<'_>) {
        let net = self.net();
        let own = own_addr(dice);
        let cidr = IpCidr::new(own.into(), if own == OWN_V6 { 64 } else { 24 });
        let _ = match dice.below(12) {
            0 => net.join_multicast(GROUP),
            1 => net.leave_multicast(GROUP),
            2 => net.link_down(),
            3 | 4 => net.link_up(),
            5 => net.remove_address(own),
            6 | 7 => net.add_address(cidr),
            8 => {
                self.dhcp = net.dhcp().ok();
                Ok(())
            }
            9 => match (self.dhcp.take(), dice.one_in(2)) {
                (Some(dhcp), true) => dhcp.stop(),
                (Some(mut dhcp), false) => {
                    let _ = (dhcp.poll(), dhcp.wake_on(std::task::Waker::noop()), dhcp.lease());
                    self.dhcp = Some(dhcp);
                    Ok(())
                }
                (None, _) => Ok(()),
            },
            10 => match dice.one_in(2) {
                true => net.set_dns_servers(&[]),
                false => net.set_dns_servers(&name_servers()),
            },
            _ => match dice.one_in(2) {
                true => net.clear_gateways(),
                false => net.set_gateway(host_v4(1)).and(net.set_gateway(host_v6(1))),
            },
        };
    }
}
