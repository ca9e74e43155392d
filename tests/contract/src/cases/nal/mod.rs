//! The cases of embedded-nal, a group for each trait.

pub mod dns;
pub mod tcp_client;
mod tcp_end;
pub mod tcp_full;
mod tcp_start;
pub mod udp_client;
pub mod udp_full;

use crate::Case;

/// The cases of every group, for a stack with all of the traits.
pub fn all<W>() -> Vec<Case<W>>
where
    W: tcp_full::TcpServer + udp_full::UdpServer + dns::Resolver,
{
    [tcp_client::all(), tcp_full::cases(), udp_client::cases(), udp_full::cases(), dns::cases()]
        .into_iter()
        .flatten()
        .collect()
}

/// Lists the cases of a group, and makes a test of each: ours holds it.
macro_rules! cases {
    ($World:ident: $($id:ident $(($setup:ident))? from $from:literal,)*) => {
        /// The cases of this group, for any stack with the trait.
        pub fn cases<W: $World>() -> Vec<$crate::Case<W>> {
            vec![$($crate::Case {
                id: stringify!($id),
                from: $from,
                setup: cases!(@setup $($setup)?),
                run: $id,
            }),*]
        }

        #[cfg(test)]
        mod held {
            $(
                #[test]
                fn $id() {
                    let rows = $crate::worlds::Ours::rows();
                    $crate::worlds::assert_held(rows, stringify!($id), "&Net");
                }
            )*
        }
    };
    (@setup) => { $crate::Setup::USUAL };
    (@setup $setup:ident) => { $crate::Setup::$setup };
}

use cases;
