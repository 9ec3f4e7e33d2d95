//! Parallel work on all cores.

use std::num::NonZero;
use std::sync::Mutex;
use std::thread;

/// Applies a function to each item on all cores. The results are in the order of the items.
pub fn map<T: Send, R: Send>(
    items: impl IntoIterator<Item = T>,
    work: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let items: Vec<T> = items.into_iter().collect();
    let results: Mutex<Vec<Option<R>>> = Mutex::new(items.iter().map(|_| None).collect());
    let queue = Mutex::new(items.into_iter().enumerate());
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let next = || queue.lock().ok()?.next();
    // The scope propagates the panic of a worker, such as a failed assertion.
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((place, item)) = next() {
                    let result = work(item);
                    if let Ok(mut results) = results.lock() {
                        results[place] = Some(result);
                    }
                }
            });
        }
    });
    results.into_inner().into_iter().flatten().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_items() {
        assert_eq!(map(0..100, |number| number * 2), (0..100).map(|n| n * 2).collect::<Vec<_>>());
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn worker_panic_reaches_the_caller() {
        map(0..3, |number| assert!(number != 1));
    }
}
