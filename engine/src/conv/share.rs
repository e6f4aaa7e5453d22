//! Work that threads share.

use std::ops::Range;

#[cfg(feature = "threads")]
use self::team::Team;

#[cfg(feature = "threads")]
mod team;

/// The threads that share work.
pub struct Threads<'a> {
    #[cfg(feature = "threads")]
    team: Option<&'a Team>,
    lifetime: std::marker::PhantomData<&'a ()>,
}

impl Threads<'_> {
    /// The calling thread alone.
    pub const ONE: Self = Threads {
        #[cfg(feature = "threads")]
        team: None,
        lifetime: std::marker::PhantomData,
    };

    /// Runs `work` with so many threads of Rayon's to share its parts; where others keep these busy, with fewer.
    #[cfg(feature = "threads")]
    pub fn with<R: Send>(count: usize, work: impl FnOnce(&Threads) -> R + Send) -> R {
        if count <= 1 {
            return work(&Threads::ONE);
        }
        let team = Team::new(count);
        let team = &team;
        rayon::scope(|scope| {
            for i in 1..count {
                scope.spawn(move |_| team.help(i));
            }
            // Helpers have to go home if the work panics, too.
            let _end = team.end_when_dropped();
            work(&Threads {
                team: Some(team),
                lifetime: std::marker::PhantomData,
            })
        })
    }

    /// The same without threads.
    #[cfg(not(feature = "threads"))]
    pub fn with<R>(_: usize, work: impl FnOnce(&Threads) -> R) -> R {
        work(&Threads::ONE)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        #[cfg(feature = "threads")]
        if let Some(team) = self.team {
            return team.count();
        }
        1
    }

    /// Does the work for each part. Parts are counted from 0; the same part of one call and the next is mostly done by the
    /// same thread, so that what it has in its cache is at hand.
    pub fn share<T: Send>(
        &self,
        parts: impl ExactSizeIterator<Item = T>,
        work: impl Fn(usize, T) + Sync,
    ) {
        #[cfg(feature = "threads")]
        if let Some(team) = self.team
            && parts.len() > 1
        {
            use std::sync::Mutex;
            let parts: Vec<_> = parts.map(|part| Mutex::new(Some(part))).collect();
            return team.run(&|thread| {
                for i in (thread..parts.len()).step_by(team.count()) {
                    let part = parts[i].lock().map(|mut part| part.take());
                    if let Ok(Some(part)) = part {
                        work(i, part);
                    }
                }
            });
        }
        for (i, part) in parts.enumerate() {
            work(i, part);
        }
    }
}

/// The part of `0..count` that belongs to the `i`th of `parts`: as long as the others', or one longer.
pub(super) fn part(i: usize, parts: usize, count: usize) -> Range<usize> {
    i * count / parts..(i + 1) * count / parts
}

#[cfg(all(test, feature = "threads"))]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn each_part_is_done_once_by_any_number_of_threads() {
        for count in 1..9 {
            Threads::with(count, |threads| {
                for parts in 0..20 {
                    let mut values = vec![0; parts];
                    threads.share(values.iter_mut(), |i, value| *value += i + 1);
                    assert!(values.into_iter().eq(1..=parts));
                }
            });
        }
    }

    #[test]
    fn a_panic_reaches_the_caller() {
        for part in 0..4 {
            let run = || {
                Threads::with(3, |threads| {
                    threads.share(0..4, |i, _| assert!(i != part));
                });
            };
            assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
        }
    }
}
