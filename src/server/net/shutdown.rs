//! Stopping a server, from a program or by a signal.

use std::io;

use mio::Waker;
use signal_hook::consts::{SIGALRM, SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;
use signal_hook::low_level::{exit, signal_name};

use crate::sync::{Arc, AtomicBool, Ordering, ThreadBuilder};

/// Signals that would end the process and ask nothing of a server: the end of a terminal, an alarm
/// of whoever started it, and those that other servers reopen logs or configurations at.
const IGNORED_SIGNALS: [i32; 4] = [SIGHUP, SIGUSR1, SIGUSR2, SIGALRM];

/// Stops the server it came from; cheap to clone and to send to other threads.
#[derive(Debug, Clone)]
pub struct StopHandle {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    stopped: AtomicBool,
    acceptor: Waker,
}

impl StopHandle {
    /// A handle on an acceptor that waits where the waker wakes.
    pub(crate) fn new(acceptor: Waker) -> Self {
        Self { shared: Arc::new(Shared { stopped: AtomicBool::new(false), acceptor }) }
    }

    /// Makes the server accept nobody, answer every request it received, and return from
    /// [`KvsServer::run`](crate::server::KvsServer::run); does not wait for it.
    pub fn stop(&self) {
        self.shared.stopped.store(true, Ordering::Release);
        if let Err(error) = self.shared.acceptor.wake() {
            log::error!("cannot wake the acceptor, which stops with its next connection: {error}");
        }
    }

    /// Whether the server was asked to stop.
    pub(crate) fn is_stopped(&self) -> bool {
        self.shared.stopped.load(Ordering::Acquire)
    }

    /// Stops at the first SIGINT or SIGTERM; the second one ends the process at once. Logs and
    /// ignores the [`IGNORED_SIGNALS`].
    ///
    /// The thread that waits for them is never joined: it has to outlive the server, so that a second
    /// signal is heard until the process ends.
    pub(crate) fn stop_on_signals(&self) -> io::Result<()> {
        let mut signals = Signals::new([SIGINT, SIGTERM].iter().chain(&IGNORED_SIGNALS))?;
        let handle = self.clone();
        ThreadBuilder::new()
            .name("kvs-signals".to_owned())
            .spawn(move || {
                let mut is_stopping = false;
                for signal in signals.forever() {
                    let name = signal_name(signal).unwrap_or("of no name");
                    if IGNORED_SIGNALS.contains(&signal) {
                        log::info!("ignoring signal {name}");
                    } else if is_stopping {
                        exit(128 + signal);
                    } else {
                        log::info!(
                            "stopping at signal {name}; a second one ends the process at once"
                        );
                        is_stopping = true;
                        handle.stop();
                    }
                }
            })
            .map(drop)
    }
}
