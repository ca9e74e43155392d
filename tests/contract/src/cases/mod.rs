//! The cases, in groups.

pub mod connect;
pub mod edge;
pub mod nal;
pub mod nal_async;
pub mod names;
pub mod streams;

/// Lists the cases of a group whose cases are tasks, and makes a test of each: it holds in all of
/// these rows of ours.
macro_rules! tasks {
    ($World:ident, $([$Worlds:ty])* $(lossy [$Lossy:ty])*:
        $($id:ident $(($setup:ident))? from $from:literal,)*) => {
        /// The cases of this group, for any stack with the traits.
        pub fn cases<W: $World>() -> Vec<$crate::Case<W>> {
            vec![$($crate::Case {
                id: stringify!($id),
                from: $from,
                setup: tasks!(@setup $($setup)?),
                run: |world: &mut W| $crate::tasks::Tasks::run(world, $id(world)),
            }),*]
        }

        #[cfg(test)]
        mod held {
            #[allow(unused_imports)]
            use sockstate::Net;

            #[allow(unused_imports)]
            use $crate::stacks::{Edge, Nal};
            #[allow(unused_imports)]
            use $crate::worlds::{
                BlockingDuplexNet, BlockingNet, DuplexNet, HalvesNet, InLab, assert_held,
            };

            fn hold(id: &str) {
                $(assert_held(InLab::<$Worlds>::rows(super::cases()), id, stringify!($Worlds));)*
                $(assert_held(
                    InLab::<$Lossy>::rows_with_faults(super::cases()),
                    id,
                    concat!(stringify!($Lossy), " with faults"),
                );)*
            }

            $(
                #[test]
                fn $id() {
                    hold(stringify!($id));
                }
            )*
        }
    };
    (@setup) => { $crate::Setup::USUAL };
    (@setup $setup:ident) => { $crate::Setup::$setup };
}

use tasks;
