//! A pool of clients that several threads take in turn.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use super::KvsClient;
use super::error::{ClientError, ClientResult};
use super::link::{Link, ServerAccess};
use super::options::ClientOptions;
use crate::endpoint::{Endpoint, InvalidEndpoint};
use crate::sync::{Arc, Mutex, Receiver, Sender, bounded, lock};

/// Clients of one server for many threads: at most so many, each with a connection that is made
/// when it is first needed, and anew when it broke.
///
/// A thread [takes](Self::take) a client and gives it back by dropping it. The client that was
/// given back last is taken first, so that no more connections are made than were needed at once.
///
/// ```no_run
/// use std::time::Duration;
///
/// let options = kvs::ClientOptions::default();
/// let pool = kvs::ClientPool::new("127.0.0.1:4000", options, 8)?;
/// std::thread::scope(|scope| {
///     for worker in 0..32 {
///         let pool = &pool;
///         scope.spawn(move || {
///             let mut client = pool.take(Duration::from_secs(1))?;
///             client.set(format!("worker:{worker}"), "done")
///         });
///     }
/// });
/// # Ok::<(), kvs::ClientError>(())
/// ```
pub struct ClientPool {
    server: Arc<ServerAccess>,
    clients_max: usize,
    /// The clients that nobody has; those that were never needed do not exist yet.
    idle: Mutex<Vec<Link>>,
    /// One permit for each client that nobody has.
    permits: Receiver<()>,
    returned: Sender<()>,
}

/// A client of a [`ClientPool`], which goes back when this is dropped.
pub struct PooledClient<'pool> {
    pool: &'pool ClientPool,
    client: KvsClient,
}

impl ClientPool {
    /// Returns a pool of up to so many clients, at least one. It does not connect yet.
    ///
    /// # Errors
    /// [`ClientError::InvalidAddress`] if the text is no address.
    pub fn new<A>(address: A, options: ClientOptions, clients_max: usize) -> ClientResult<Self>
    where
        A: TryInto<Endpoint, Error: Into<InvalidEndpoint>>,
    {
        let address = address.try_into().map_err(Into::into)?;
        let clients_max = clients_max.max(1);
        let (returned, permits) = bounded(clients_max);
        for _ in 0..clients_max {
            // There is room for all of them.
            let _ = returned.try_send(());
        }
        let server = Arc::new(ServerAccess { address, options });
        Ok(Self { server, clients_max, idle: Mutex::default(), permits, returned })
    }

    /// Takes a client, for which it waits up to this time if all of them are in use.
    ///
    /// # Errors
    /// [`ClientError::PoolExhausted`] if none was given back in time.
    pub fn take(&self, patience: Duration) -> ClientResult<PooledClient<'_>> {
        if self.permits.recv_timeout(patience).is_err() {
            let limit = self.clients_max;
            return Err(ClientError::PoolExhausted { limit, waited: patience });
        }
        let link = lock(&self.idle).pop().unwrap_or_else(|| self.link());
        Ok(PooledClient { pool: self, client: KvsClient { link } })
    }

    fn link(&self) -> Link {
        Link::new(Arc::clone(&self.server))
    }
}

impl fmt::Debug for ClientPool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("ClientPool");
        shown.field("address", &self.server.address).field("clients_max", &self.clients_max);
        shown.finish_non_exhaustive()
    }
}

impl Deref for PooledClient<'_> {
    type Target = KvsClient;

    fn deref(&self) -> &KvsClient {
        &self.client
    }
}

impl DerefMut for PooledClient<'_> {
    fn deref_mut(&mut self) -> &mut KvsClient {
        &mut self.client
    }
}

impl fmt::Debug for PooledClient<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("PooledClient").field(&self.client).finish()
    }
}

impl Drop for PooledClient<'_> {
    fn drop(&mut self) {
        let link = std::mem::replace(&mut self.client.link, self.pool.link());
        lock(&self.pool.idle).push(link);
        // The permit behind it, so that whoever gets it finds the client.
        let _ = self.pool.returned.try_send(());
    }
}
