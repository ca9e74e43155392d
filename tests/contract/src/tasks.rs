//! Where the cases of traits with futures run.

use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;

use futures_lite::future::or;

use crate::far::{Board, Order};
use crate::{Outcome, no_answer};

/// How long something must not happen for a case to believe that it does not.
const A_WHILE: Duration = Duration::from_millis(100);

/// Where a case runs that is a task: the stack under test, the far end it talks to, and the passing
/// of time. What the traits leave to the platform, running the stack, the world does.
pub trait Tasks {
    /// The stack under test.
    type Stack;

    /// How long a case waits for something that should happen.
    const PATIENCE: Duration;

    /// The stack under test.
    fn stack(&self) -> &Self::Stack;

    /// Tells the far end what to do. It has done so when this returns.
    fn order(&self, order: Order) -> Outcome;

    /// Looks at what the far end has seen.
    fn look<R>(&self, look: impl FnOnce(&Board) -> R) -> R;

    /// The time since the case began.
    fn now(&self) -> Duration;

    /// Lets time pass, in which everybody works.
    fn sleep(&self, time: Duration) -> impl Future<Output = ()>;

    /// Runs a task to its end.
    fn run(&self, task: impl Future<Output = Outcome>) -> Outcome;
}

/// What comes of a future, if that comes in time.
pub async fn within<W: Tasks, T>(
    world: &W,
    what: &str,
    task: impl Future<Output = T>,
) -> Outcome<T> {
    let late = async {
        world.sleep(W::PATIENCE).await;
        Err(no_answer(what, W::PATIENCE))
    };
    or(async { Ok(task.await) }, late).await
}

/// Makes sure that a future is not done for a while.
async fn waits<W: Tasks, T>(
    world: &W,
    what: &str,
    task: Pin<&mut impl Future<Output = T>>,
) -> Outcome {
    let done = async {
        task.await;
        Err(format!("{what} does not wait"))
    };
    let not_done = async {
        a_while(world).await;
        Ok(())
    };
    or(done, not_done).await
}

/// What comes of a call that waits until the far end does this.
pub async fn woken_by<W: Tasks, T>(
    world: &W,
    order: Order,
    what: &str,
    task: impl Future<Output = T>,
) -> Outcome<T> {
    let mut task = pin!(task);
    waits(world, what, task.as_mut()).await?;
    world.order(order)?;
    within(world, &format!("end of {what}"), task).await
}

/// Begins a call that waits, and gives it up a while after the far end has done this, without
/// looking at it in between.
pub async fn given_up_after<W: Tasks, T>(
    world: &W,
    order: Order,
    what: &str,
    task: impl Future<Output = T>,
) -> Outcome {
    let mut task = pin!(task);
    waits(world, what, task.as_mut()).await?;
    world.order(order)?;
    a_while(world).await;
    Ok(())
}

/// Lets a while pass.
pub async fn a_while<W: Tasks>(world: &W) {
    world.sleep(A_WHILE).await;
}

/// Begins a call, and gives it up if it is not done at once.
pub async fn given_up<T>(task: impl Future<Output = T>) {
    let _ = futures_lite::future::poll_once(pin!(task)).await;
}

/// Waits until the board shows something.
pub async fn shown<W: Tasks>(
    world: &W,
    what: &str,
    mut seen: impl FnMut(&Board) -> bool,
) -> Outcome {
    let looking = async {
        let mut pause = Duration::from_millis(1);
        while !world.look(&mut seen) {
            world.sleep(pause).await;
            pause = A_WHILE.min(pause * 2);
        }
    };
    within(world, what, looking).await
}
