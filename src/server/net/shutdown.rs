//! The handle that stops a server, from a program or on a signal.

use std::io;

use mio::Waker;
use signal_hook::consts::{SIGALRM, SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;
use signal_hook::low_level::{exit, signal_name};

use crate::sync::{Arc, AtomicBool, Ordering, ThreadBuilder};

/// Signals that would end the process although no server has to react to them: the end of a
/// terminal, an alarm of the parent process, and those on which other servers reopen their logs.
const IGNORED_SIGNALS: [i32; 4] = [SIGHUP, SIGUSR1, SIGUSR2, SIGALRM];

/// Stops the server it came from; cheap to clone and to send to other threads.
#[derive(Debug, Clone)]
pub struct StopHandle {
    state: Arc<StopState>,
}

#[derive(Debug)]
struct StopState {
    stopped: AtomicBool,
    acceptor: Waker,
}

impl StopHandle {
    /// Returns a handle on the acceptor that this waker wakes.
    pub(crate) fn new(acceptor: Waker) -> Self {
        Self { state: Arc::new(StopState { stopped: AtomicBool::new(false), acceptor }) }
    }

    /// Makes the server accept nobody, answer every request it received, and return from
    /// [`KvsServer::run`](crate::KvsServer::run); does not wait for it.
    pub fn stop(&self) {
        self.state.stopped.store(true, Ordering::Release);
        if let Err(error) = self.state.acceptor.wake() {
            log::error!("cannot wake the acceptor; it stops at its next connection: {error}");
        }
    }

    /// Returns true if the server was asked to stop.
    pub(crate) fn is_stopped(&self) -> bool {
        self.state.stopped.load(Ordering::Acquire)
    }

    /// Stops the server on the first SIGINT or SIGTERM and ends the process on the second; logs
    /// and ignores the [`IGNORED_SIGNALS`].
    ///
    /// The thread that waits for them is never joined: it has to outlive the server, so that a
    /// second signal is heard until the process ends.
    pub(crate) fn stop_on_signals(&self) -> io::Result<()> {
        let mut signals = Signals::new([SIGINT, SIGTERM].iter().chain(&IGNORED_SIGNALS))?;
        let handle = self.clone();
        ThreadBuilder::new()
            .name("kvs-signals".to_owned())
            .spawn(move || {
                let mut is_stopping = false;
                for signal in signals.forever() {
                    let name = signal_name(signal).unwrap_or("without a name");
                    if IGNORED_SIGNALS.contains(&signal) {
                        log::info!("ignoring signal {name}");
                    } else if is_stopping {
                        exit(128 + signal);
                    } else {
                        log::info!(
                            "stopping after signal {name}; a second one ends the process at once"
                        );
                        is_stopping = true;
                        handle.stop();
                    }
                }
            })
            .map(drop)
    }
}
