//! `MulticastV4`, `MulticastV6` and `UdpSplitMulticast`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use edge_nal::{MulticastV4, MulticastV6, UdpReceive, UdpSplitMulticast};

use super::super::tasks;
use super::udp::{Bound, PORT, Udp, bind, hears, say};
use crate::far::Order;
use crate::tasks::a_while;
use crate::{Family, Outcome, failed, near};

tasks! { Udp, [&'static Net]:
    udp_a_group_is_heard_from_join_to_leave from "MulticastV4::join_v4",
    udp_a_group_of_ipv6_is_heard_from_join_to_leave from "MulticastV6::join_v6",
    udp_a_group_left_is_joined_again from "MulticastV4::leave_v4",
    udp_a_part_of_the_socket_joins_groups from "UdpSplitMulticast::split_multicast",
}

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 2, 3);
const GROUP_OF_IPV6: Ipv6Addr = Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 1, 0x203);

/// The interface of a socket, by its address.
fn interface() -> Ipv4Addr {
    match Family::V4.near() {
        IpAddr::V4(addr) => addr,
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
    }
}

/// The interface by its number, of which 0 stands for whichever there is.
const ANY: u32 = 0;

async fn join(socket: &mut impl MulticastV4) -> Outcome {
    socket.join_v4(GROUP, interface()).await.map_err(|error| failed("join_v4", &error))
}

async fn leave(socket: &mut impl MulticastV4) -> Outcome {
    socket.leave_v4(GROUP, interface()).await.map_err(|error| failed("leave_v4", &error))
}

fn to_group(group: impl Into<IpAddr>, data: &[u8]) -> Order {
    say(SocketAddr::new(group.into(), PORT), data)
}

/// Makes sure that what is sent to the group is not heard; what is sent to the host still is.
async fn is_deaf<W: Udp>(
    world: &W,
    socket: &mut impl UdpReceive,
    group: IpAddr,
    host: SocketAddr,
) -> Outcome {
    world.order(to_group(group, b"group"))?;
    a_while(world).await;
    world.order(say(host, b"host"))?;
    hears(world, socket, b"host").await
}

/// Before it is joined, and after it is left, it is for others.
async fn udp_a_group_is_heard_from_join_to_leave<W: Udp>(world: &W) -> Outcome {
    let mut socket: Bound<'_, W> = bind(world, (Ipv4Addr::UNSPECIFIED, PORT).into()).await?;
    is_deaf(world, &mut socket, GROUP.into(), near(PORT)).await?;
    join(&mut socket).await?;
    world.order(to_group(GROUP, b"hello"))?;
    hears(world, &mut socket, b"hello").await?;
    leave(&mut socket).await?;
    is_deaf(world, &mut socket, GROUP.into(), near(PORT)).await
}

/// The same for the other version.
async fn udp_a_group_of_ipv6_is_heard_from_join_to_leave<W: Udp>(world: &W) -> Outcome {
    let host = SocketAddr::new(Family::V6.near(), PORT);
    let mut socket = bind(world, (Ipv6Addr::UNSPECIFIED, PORT).into()).await?;
    is_deaf(world, &mut socket, GROUP_OF_IPV6.into(), host).await?;
    let joined = socket.join_v6(GROUP_OF_IPV6, ANY).await;
    joined.map_err(|error| failed("join_v6", &error))?;
    world.order(to_group(GROUP_OF_IPV6, b"hello"))?;
    hears(world, &mut socket, b"hello").await?;
    let left = socket.leave_v6(GROUP_OF_IPV6, ANY).await;
    left.map_err(|error| failed("leave_v6", &error))?;
    is_deaf(world, &mut socket, GROUP_OF_IPV6.into(), host).await
}

/// As often as one likes.
async fn udp_a_group_left_is_joined_again<W: Udp>(world: &W) -> Outcome {
    let mut socket = bind(world, (Ipv4Addr::UNSPECIFIED, PORT).into()).await?;
    for number in 0..20 {
        join(&mut socket).await?;
        world.order(to_group(GROUP, &[number]))?;
        hears(world, &mut socket, &[number]).await?;
        leave(&mut socket).await?;
    }
    Ok(())
}

/// While the others are in use.
async fn udp_a_part_of_the_socket_joins_groups<W: Udp>(world: &W) -> Outcome {
    let mut socket = bind(world, (Ipv4Addr::UNSPECIFIED, PORT).into()).await?;
    let (mut receiver, _sender, mut groups, _) = socket.split_multicast();
    join(&mut groups).await?;
    world.order(to_group(GROUP, b"hello"))?;
    hears(world, &mut receiver, b"hello").await?;
    leave(&mut groups).await?;
    is_deaf(world, &mut receiver, GROUP.into(), near(PORT)).await
}
