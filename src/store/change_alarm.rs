//! Waking a thread that serves many watches, once for all of them.

use super::change_cursor::ChangeCursor;
use super::wake_list::Wake;
use crate::bugs::{if_planted, unless_planted};
use crate::engine::Sequence;
use crate::sync::Arc;

/// A cursor that nothing is told by: its thread is woken when there is something for others.
pub(crate) struct ChangeAlarm {
    cursor: ChangeCursor,
    wake: Arc<dyn Wake>,
    /// True while the ring knows whom to wake.
    is_armed: bool,
    /// Nothing will come any more.
    is_over: bool,
}

impl ChangeAlarm {
    /// Returns an alarm about what comes behind the place of this cursor.
    pub(crate) fn new(cursor: ChangeCursor, wake: Arc<dyn Wake>) -> Self {
        Self { cursor, wake, is_armed: false, is_over: false }
    }

    /// Has the thread woken as soon as something comes behind the last [look](Self::take_news).
    /// Returns false if it did already.
    pub(crate) fn arm(&mut self) -> bool {
        if_planted!(ArmBehindNews => self.cursor.move_behind(u64::MAX));
        self.is_armed |= self.is_over || self.cursor.register(&self.wake);
        self.is_armed
    }

    /// Notes that the thread was woken, which happens once.
    pub(crate) fn note_woken(&mut self) {
        unless_planted!(KeepAlarmArmed => self.is_armed = false);
    }

    /// Returns true if something came since the last call; also once, if nothing will come any
    /// more.
    pub(crate) fn take_news(&mut self) -> bool {
        let has_news = !self.is_over && self.cursor.has_news();
        if has_news {
            self.is_over = self.cursor.end() == Sequence(u64::MAX);
            self.cursor.move_behind(u64::MAX);
        }
        has_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::wake_list::WakeList;
    use crate::sync::{AtomicUsize, Ordering};
    use crate::{EngineKind, Options, Store};

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Counted(AtomicUsize);

    impl Wake for Counted {
        fn wake(&self, _others: WakeList) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn it_rings_once_for_what_came_behind_the_last_look() {
        let options = Options::new("unused").engine(EngineKind::Memory);
        let store = Store::open(options).unwrap();
        let watch = store.watch(..).unwrap();
        let counted = Arc::new(Counted::default());
        let wakes = || counted.0.load(Ordering::Relaxed);
        let mut alarm = watch.alarm(Arc::clone(&counted) as Arc<dyn Wake>);
        store.set("a", "1").unwrap();
        assert!(!alarm.arm() && wakes() == 0, "it has come already");
        assert!(alarm.take_news() && !alarm.take_news());
        assert!(alarm.arm() && alarm.arm());
        store.set("a", "2").unwrap();
        store.set("a", "3").unwrap();
        assert_eq!(wakes(), 1);
        alarm.note_woken();
        assert!(!alarm.arm() && alarm.take_news() && alarm.arm());
        drop(store);
        assert_eq!(wakes(), 2);
        alarm.note_woken();
        assert!(alarm.take_news() && !alarm.take_news());
        assert!(alarm.arm(), "nothing comes any more that it would miss");
    }
}
