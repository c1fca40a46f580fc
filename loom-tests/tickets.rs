//! A ticket that is awaited while the other handles go: its task is woken up, and the write is
//! applied.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Wake, Waker};

use super::disk::{disk, options, read, store_and_reader};
use super::model::{Bound, Model};
use super::spawn;
use crate::Durability;
use crate::store::WriteBatch;
use crate::sync::{Sender, bounded};

pub(super) const MODEL: Model = Model {
    run,
    timeouts: 0,
    witnesses: false,
    quick: Bound { preemptions: 2, executions_min: 300 },
    deep: Bound { preemptions: 3, executions_min: 300 },
};

/// Wakes up a task by a message.
struct Messenger(Sender<()>);

impl Wake for Messenger {
    fn wake(self: std::sync::Arc<Self>) {
        // One message is enough.
        let _ = self.0.try_send(());
    }
}

fn run() {
    let disk = disk();
    let (store, reader) = store_and_reader(&disk, options(Durability::Never));
    let other = store.clone();
    let going = spawn(move || drop(other));
    let mut batch = WriteBatch::new();
    batch.set("a", "1");
    let ticket = store.submit(batch).unwrap();
    drop(store);
    let mut ticket = pin!(ticket);
    let (sender, wakes) = bounded(1);
    let waker = Waker::from(std::sync::Arc::new(Messenger(sender)));
    let mut context = Context::from_waker(&waker);
    loop {
        match ticket.as_mut().poll(&mut context) {
            Poll::Ready(outcome) => break outcome.unwrap(),
            // A wake-up that does not come leaves this thread here for ever.
            Poll::Pending => wakes.recv().unwrap(),
        }
    }
    assert_eq!(read(&*reader, "a").as_deref(), Some("1"));
    going.join().unwrap();
}
