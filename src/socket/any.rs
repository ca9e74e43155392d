//! Sockets whose state is known at run time only.

/// Defines an enum over the states of a socket, and the conversions between it and each typed one.
macro_rules! any_socket {
    (
        $(#[$outer:meta])*
        $Any:ident over $Socket:ident {
            $($(#[$doc:meta])* $state:ident $(<$name:lifetime> with $feature:literal)?,)*
        }
    ) => {
        $(#[$outer])*
        #[derive(Default)]
        pub enum $Any<'net, S: Sharing = Local> {
            /// No socket.
            #[default]
            Idle,
            $($(#[$doc])* $(#[cfg(feature = $feature)])?
            $state($Socket<'net, $state$(<$name>)?, S>),)*
        }

        $(
            $(#[cfg(feature = $feature)])?
            impl<'net, S: Sharing> From<$Socket<'net, $state$(<$name>)?, S>> for $Any<'net, S> {
                fn from(socket: $Socket<'net, $state$(<$name>)?, S>) -> Self {
                    $Any::$state(socket)
                }
            }

            $(#[cfg(feature = $feature)])?
            impl<'net, S: Sharing> TryFrom<$Any<'net, S>>
                for $Socket<'net, $state$(<$name>)?, S>
            {
                type Error = $Any<'net, S>;

                fn try_from(socket: $Any<'net, S>) -> Result<Self, Self::Error> {
                    match socket {
                        $Any::$state(socket) => Ok(socket),
                        other => Err(other),
                    }
                }
            }
        )*

        impl<S: Sharing> $Any<'_, S> {
            /// The name of the state.
            pub const fn state(&self) -> &'static str {
                match self {
                    $Any::Idle => "Idle",
                    $($(#[cfg(feature = $feature)])? $Any::$state(_) => stringify!($state),)*
                }
            }

            /// Takes the socket out, and leaves `Idle`.
            pub fn take(&mut self) -> Self {
                core::mem::take(self)
            }
        }

        #[cfg(feature = "watch")]
        impl<'net, S: Sharing> crate::Watchable<'net, S> for $Any<'net, S> {
            fn handle(&self) -> Option<&crate::socket::Handle<'net, S>> {
                match self {
                    $Any::Idle => None,
                    $($(#[cfg(feature = $feature)])? $Any::$state(socket) => socket.handle(),)*
                }
            }
        }

        impl<S: Sharing> core::fmt::Debug for $Any<'_, S> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_tuple(stringify!($Any)).field(&format_args!("{}", self.state())).finish()
            }
        }
    };
}

pub(crate) use any_socket;
