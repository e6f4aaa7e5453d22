//! Waiting for a buffer without blocking.

use std::future::{Future, poll_fn};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use wgpu::{Buffer, BufferAsyncError, MapMode};

/// Passes the result from the callback to the future.
#[derive(Default)]
struct Answer {
    result: Option<Result<(), BufferAsyncError>>,
    waker: Option<Waker>,
}

/// Locks, even if another holder panicked: no holder leaves its value half changed.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Maps the first `size` bytes for reading. The request is made at once, not at the first poll.
pub fn map(
    buffer: &Buffer,
    size: u64,
) -> impl Future<Output = Result<(), BufferAsyncError>> + use<> {
    let answer = Arc::new(Mutex::new(Answer::default()));
    let theirs = answer.clone();
    buffer.map_async(MapMode::Read, ..size, move |result| {
        let mut answer = lock(&theirs);
        answer.result = Some(result);
        if let Some(waker) = answer.waker.take() {
            waker.wake();
        }
    });
    poll_fn(move |context| {
        let mut answer = lock(&answer);
        match answer.result.take() {
            Some(result) => Poll::Ready(result),
            None => {
                answer.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    })
}
