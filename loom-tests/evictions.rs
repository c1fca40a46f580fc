//! Two connections that together hold too much: one of them is evicted and not both, and in the end
//! nothing is held.

use super::execute::charge::Charge;
use super::execute::session::Clients;
use crate::loom_tests::model::{Bound, Model};
use crate::loom_tests::spawn;
use crate::sync::Arc;

pub(crate) const MODEL: Model = Model {
    run,
    timeouts: 0,
    witnesses: false,
    quick: Bound { preemptions: 3, executions_min: 100 },
    deep: Bound { preemptions: 4, executions_min: 100 },
};

const LIMIT: usize = 10 << 10;

fn run() {
    let clients = Arc::new(Clients::new(LIMIT, Arc::default()));
    let address = || "127.0.0.1:1".parse().unwrap();
    let sessions = [(); 2].map(|()| clients.open(address(), address(), true, || {}));
    let charged = sessions.each_ref().map(|session| {
        let (clients, session) = (Arc::clone(&clients), Arc::clone(session));
        spawn(move || {
            let mut charge = Charge::new(session);
            charge.set(8 << 10);
            clients.relieve();
            charge
        })
    });
    let charges = charged.map(|thread| thread.join().unwrap());
    let evicted = sessions.iter().filter(|session| session.is_evicted()).count();
    assert_eq!(evicted, 1);
    drop(charges);
    assert_eq!(clients.memory.held(), 0);
}
