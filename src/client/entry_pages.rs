//! Keyspaces of a server with everything that is stored for each key, page by page.

use super::KvsClient;
use super::calls::answered;
use super::effect::RequestEffect;
use super::error::{ClientError, ClientResult};
use super::scan::{self, ClientScan};
use crate::protocol::native::{
    FailureKind, Place, RequestMessage, RequestOperation, Success, VersionedValue,
};

/// The most keys of a page.
const PAGE_KEYS: usize = 512;

/// The bytes of requests that are sent before their responses are read, as in a pipeline.
const PART_BYTES_MAX: usize = 32 << 10;

/// Every keyspace of a server at one point in time, or as they are, page by page, where the server
/// has no snapshots.
pub(crate) struct EntryPages<'c> {
    client: &'c mut KvsClient,
    has_snapshot: bool,
}

impl<'c> EntryPages<'c> {
    /// Takes a snapshot on the server.
    pub(crate) fn new(client: &'c mut KvsClient) -> ClientResult<Self> {
        match client.open_snapshot() {
            Ok(_) => Ok(Self { client, has_snapshot: true }),
            Err(ClientError::Remote { kind: FailureKind::Unsupported, .. }) => {
                Ok(Self { client, has_snapshot: false })
            }
            Err(error) => Err(error),
        }
    }

    /// Returns the names of the keyspaces.
    pub(crate) fn names(&mut self) -> ClientResult<Vec<String>> {
        let place = if self.has_snapshot { Place::Snapshot } else { Place::Default };
        let operation = RequestOperation::ListKeyspaces;
        self.client.call_at(place, operation, answered!(Success::Names(names) => names))
    }

    /// Returns true if a keyspace has keys.
    pub(crate) fn has_keys(&mut self, keyspace: &str) -> ClientResult<bool> {
        let scan = ClientScan::new(..).keys_only();
        let place = self.place(keyspace);
        let answer = self.client.call_at(place, scan.request(1), |answer| scan::page(answer, 1));
        answer.map(|(keys, _)| !keys.is_empty())
    }

    /// Visits every entry of a keyspace in the order of the keys, until the visitor fails.
    pub(crate) fn visit<E: From<ClientError>>(
        &mut self,
        keyspace: &str,
        mut visit: impl FnMut(&[u8], VersionedValue<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut scan = ClientScan::new(..).keys_only();
        while !scan.is_at_end() {
            let place = self.place(keyspace);
            let page = self
                .client
                .call_at(place, scan.request(PAGE_KEYS), |answer| scan::page(answer, PAGE_KEYS))?;
            let keys: Vec<_> = scan.take(page).into_iter().map(|(key, _)| key).collect();
            let mut rest = keys.as_slice();
            while !rest.is_empty() {
                let asked = self.ask(keyspace, rest)?;
                let (part, later) = rest.split_at(asked);
                for key in part {
                    self.take(key, &mut visit)?;
                }
                rest = later;
            }
        }
        Ok(())
    }

    /// Asks for the first of these keys; returns their number.
    fn ask(&mut self, keyspace: &str, keys: &[Vec<u8>]) -> ClientResult<usize> {
        let place = self.place(keyspace);
        let connection = self.client.link.begin(RequestEffect::Reads)?;
        let mut asked = 0;
        for key in keys {
            if asked > 0 && connection.queued_bytes() + key.len() > PART_BYTES_MAX {
                break;
            }
            let operation = RequestOperation::GetVersioned { key: key.as_slice().into() };
            connection.queue(&mut RequestMessage { id: 0, place: place.clone(), operation })?;
            asked += 1;
        }
        connection.flush()?;
        Ok(asked)
    }

    /// Waits for the answer about a key and shows it; one that is gone is left out.
    fn take<E: From<ClientError>>(
        &mut self,
        key: &[u8],
        visit: &mut impl FnMut(&[u8], VersionedValue<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let connection = self.client.link.connected()?;
        connection.await_response()?;
        connection.take(|answer| match answer {
            Ok(Success::Versioned(Some(found))) => Some(visit(key, found)),
            Ok(Success::Versioned(None)) => Some(Ok(())),
            Ok(_) => None,
            Err(error) => Some(Err(error.into())),
        })?
    }

    fn place(&self, keyspace: &str) -> Place<'static> {
        let name = keyspace.to_owned().into();
        if self.has_snapshot { Place::KeyspaceSnapshot(name) } else { Place::Keyspace(name) }
    }
}

impl Drop for EntryPages<'_> {
    fn drop(&mut self) {
        if self.has_snapshot {
            self.client.link.close_snapshot();
        }
    }
}
