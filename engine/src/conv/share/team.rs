//! Threads that wait for work together, for some microseconds in most cases: to wake a sleeping thread takes longer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

/// The work of one thread, given the thread's number.
type Work<'a> = &'a (dyn Fn(usize) + Sync);

/// A thread that calls [`run`](Team::run), whose number is 0, and helpers. Helpers may come late or never: the caller does
/// what no helper has begun.
pub(super) struct Team {
    /// The work of this round, while a caller waits for it.
    work: RwLock<Option<Work<'static>>>,
    /// Counts the calls of `run`.
    round: AtomicUsize,
    /// The last round in which the work of each thread was begun.
    begun: Vec<AtomicUsize>,
    /// Threads that have finished this round.
    finished: AtomicUsize,
    has_failed: AtomicBool,
    is_over: AtomicBool,
}

impl Team {
    /// `count` threads, the caller included.
    pub fn new(count: usize) -> Self {
        Self {
            work: RwLock::new(None),
            round: AtomicUsize::new(0),
            begun: (0..count).map(|_| AtomicUsize::new(0)).collect(),
            finished: AtomicUsize::new(0),
            has_failed: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
        }
    }

    pub fn count(&self) -> usize {
        self.begun.len()
    }

    /// Does the work of every thread, and returns when all of it is done.
    ///
    /// # Panics
    /// Where the work does.
    pub fn run(&self, work: Work) {
        // SAFETY: the lifetime alone changes. Helpers take the work only while they have begun a thread's part of this
        // round; below, this thread waits until all that was begun is finished, also where its own part panics, and
        // takes the work away, before the reference ends.
        let shared: Work<'static> = unsafe { std::mem::transmute::<Work, Work<'static>>(work) };
        *self.work.write().unwrap_or_else(PoisonError::into_inner) = Some(shared);
        self.finished.store(0, Ordering::Relaxed);
        let round = self.round.load(Ordering::Relaxed) + 1;
        self.round.store(round, Ordering::Release);
        for i in 0..self.count() {
            self.attempt(i, round);
        }
        wait(|| self.finished.load(Ordering::Acquire) == self.count());
        *self.work.write().unwrap_or_else(PoisonError::into_inner) = None;
        assert!(
            !self.has_failed.load(Ordering::Relaxed),
            "a thread panicked"
        );
    }

    /// Does the work of a thread, unless another one has begun it.
    fn attempt(&self, i: usize, round: usize) {
        let begun =
            self.begun[i].compare_exchange(round - 1, round, Ordering::AcqRel, Ordering::Relaxed);
        if begun.is_err() {
            return;
        }
        let work = *self.work.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(work) = work
            && catch_unwind(AssertUnwindSafe(|| work(i))).is_err()
        {
            self.has_failed.store(true, Ordering::Relaxed);
        }
        self.finished.fetch_add(1, Ordering::Release);
    }

    /// Works as the thread of this number until the work is over.
    pub fn help(&self, i: usize) {
        let mut round = 0;
        loop {
            wait(|| {
                self.is_over.load(Ordering::Relaxed) || self.round.load(Ordering::Acquire) != round
            });
            if self.is_over.load(Ordering::Relaxed) {
                return;
            }
            round = self.round.load(Ordering::Acquire);
            self.attempt(i, round);
        }
    }

    /// Lets the helpers go when the result is dropped.
    pub fn end_when_dropped(&self) -> impl Drop {
        End(&self.is_over)
    }
}

struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Looks so often before it lets other threads have the processor: some tens of microseconds.
const LOOKS: usize = 1000;

fn wait(is_time: impl Fn() -> bool) {
    let mut looks = 0;
    while !is_time() {
        looks += 1;
        if looks < LOOKS {
            std::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }
}
