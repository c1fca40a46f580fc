//! `CLIENT`: the open connections.

use super::call::{Call, Executed};
use super::command_error::{CommandError, SYNTAX, shown};
use super::reply_value::{bulk, done, length, ok, refuse};
use super::word::is;
use crate::Endpoint;
use crate::protocol::resp::{Value, Version};
use crate::server::execute::authentication::USER;
use crate::server::execute::execution::Execution;
use crate::server::execute::session::{HeldBytes, Session};
use crate::server::execute::subscriptions::SubscriptionKind;
use crate::store::parse_integer;

/// `CLIENT ID`
pub(super) fn id(call: &Call<'_>) -> Executed {
    let id = i64::try_from(call.session.id).unwrap_or(i64::MAX);
    done(Value::Integer(id))
}

/// `CLIENT GETNAME`
pub(super) fn getname(call: &Call<'_>) -> Executed {
    let name = call.session.labels().name;
    done(if name.is_empty() { Value::Null } else { bulk(name) })
}

/// `CLIENT SETNAME name`
pub(super) fn setname(call: &Call<'_>) -> Executed {
    let name = name(call.argument(2))?;
    call.session.set_labels(|labels| labels.name = name);
    done(ok())
}

/// Returns a name that a client gives itself.
pub(super) fn name(text: &[u8]) -> Result<String, CommandError> {
    label("Client names", text)
}

/// The most bytes of a label, which a connection holds for as long as it is open.
const LABEL_BYTES_MAX: usize = 1024;

/// Returns a label of printable ASCII: blanks separate labels in the list of clients.
fn label(what: &str, text: &[u8]) -> Result<String, CommandError> {
    if text.len() > LABEL_BYTES_MAX {
        let text = format!("ERR {what} cannot be longer than {LABEL_BYTES_MAX} bytes.");
        return Err(CommandError::new(text));
    }
    if !text.iter().all(u8::is_ascii_graphic) {
        let text = format!("ERR {what} cannot contain spaces, newlines or special characters.");
        return Err(CommandError::new(text));
    }
    Ok(String::from_utf8_lossy(text).into_owned())
}

/// `CLIENT SETINFO LIB-NAME | LIB-VER text`
pub(super) fn setinfo(call: &Call<'_>) -> Executed {
    let option = call.argument(2);
    let is_name = is(option, "LIB-NAME");
    if !is_name && !is(option, "LIB-VER") {
        let option = shown(option);
        return refuse(format!("ERR Unrecognized option '{option}'"));
    }
    let option = String::from_utf8_lossy(option).to_ascii_lowercase();
    let text = label(&option, call.argument(3))?;
    call.session.set_labels(|labels| {
        if is_name {
            labels.library_name = text;
        } else {
            labels.library_version = text;
        }
    });
    done(ok())
}

/// `CLIENT NO-EVICT ON | OFF` and `CLIENT NO-TOUCH ON | OFF`
///
/// No client is evicted and no access times are kept, so either setting holds already.
pub(super) fn switch(call: &Call<'_>) -> Executed {
    let setting = call.argument(2);
    if is(setting, "ON") || is(setting, "OFF") { done(ok()) } else { refuse(SYNTAX) }
}

/// `CLIENT INFO`
pub(super) fn info(call: &Call<'_>) -> Executed {
    done(Value::Verbatim(line(call.session, call)))
}

/// `CLIENT LIST [TYPE type | ID id ...]`
pub(super) fn list(call: &Call<'_>) -> Executed {
    let mut sessions = call.context.clients.list();
    let option = call.argument(2);
    match call.arguments.count() {
        2 => {}
        4 if is(option, "TYPE") => {
            let wanted = ClientType::parse(call.argument(3))?;
            sessions.retain(|session| ClientType::of(session) == wanted);
        }
        4.. if is(option, "ID") => {
            // No client has an id below one, and asking for it is no error.
            let ids: Option<Vec<_>> = call.rest(3).map(parse_integer).collect();
            let ids = ids.ok_or(CommandError::new("ERR Invalid client ID"))?;
            sessions.retain(|session| i64::try_from(session.id).is_ok_and(|id| ids.contains(&id)));
        }
        _ => return refuse(SYNTAX),
    }
    let lines = sessions.iter().map(|session| line(session, call));
    done(Value::Verbatim(lines.collect()))
}

/// The type of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ClientType {
    /// Neither of the others.
    Normal,
    /// It subscribed to channels.
    Subscriber,
    /// It replicates, as none does here.
    Replica,
}

impl ClientType {
    fn of(session: &Session) -> Self {
        if session.subscriptions.is_any() { Self::Subscriber } else { Self::Normal }
    }

    fn parse(text: &[u8]) -> Result<Self, CommandError> {
        let types = [
            ("normal", Self::Normal),
            ("pubsub", Self::Subscriber),
            ("master", Self::Replica),
            ("replica", Self::Replica),
            ("slave", Self::Replica),
        ];
        let found = types.into_iter().find(|(word, _)| is(text, word));
        found.map(|(_, kind)| kind).ok_or_else(|| {
            let text = shown(text);
            CommandError::new(format!("ERR Unknown client type '{text}'"))
        })
    }
}

fn client_id(text: &[u8]) -> Option<u64> {
    let id = parse_integer(text).and_then(|id| u64::try_from(id).ok());
    id.filter(|id| *id > 0)
}

/// Returns an address as Redis prints it, which gives a Unix socket the port 0.
pub(super) fn printed(address: &Endpoint) -> String {
    match address {
        Endpoint::Unix(path) => format!("{}:0", path.display()),
        address => address.to_string(),
    }
}

/// Returns a connection as one line, without the fields of Redis that are not known here.
fn line(session: &Session, call: &Call<'_>) -> String {
    let labels = session.labels();
    let protocol = match session.version() {
        Version::Resp2 => 2,
        Version::Resp3 => 3,
    };
    let multi = session.transaction.count();
    let flags = flags(session);
    let multi = multi.map_or_else(|| "-1".to_owned(), |queued| queued.to_string());
    let [channels, patterns, shards] =
        SubscriptionKind::ALL.map(|kind| session.subscriptions.count(kind));
    let queued_bytes = session.transaction.memory();
    let HeldBytes { input, output, memory } = session.held();
    let command = session.last_command().map(|position| call.context.statistics.calls(position));
    let command = command.map_or("NULL", |calls| &calls.name);
    format!(
        "id={} addr={} laddr={} name={} age={} idle={} flags={flags} db={} sub={channels} \
         psub={patterns} ssub={shards} multi={multi} qbuf={input} multi-mem={queued_bytes} \
         omem={output} tot-mem={memory} cmd={command} user=default \
         redir=-1 resp={protocol} lib-name={} lib-ver={}\n",
        session.id,
        printed(&session.address),
        printed(&session.local_address),
        labels.name,
        session.since.elapsed().as_secs(),
        session.idle().as_secs(),
        session.database(),
        labels.library_name,
        labels.library_version,
    )
}

/// Returns the flags of a connection, as Redis abbreviates them.
fn flags(session: &Session) -> String {
    let flags = [
        ('O', session.is_monitor()),
        ('P', session.subscriptions.is_any()),
        ('x', session.transaction.is_open()),
    ];
    let set: String =
        flags.into_iter().filter(|(_, is_set)| *is_set).map(|(flag, _)| flag).collect();
    if set.is_empty() { "N".to_owned() } else { set }
}

/// The connections that `CLIENT KILL` closes.
#[derive(Default)]
struct Filter {
    id: Option<u64>,
    address: Option<Vec<u8>>,
    local_address: Option<Vec<u8>>,
    kind: Option<ClientType>,
    /// True if the connection that asks is closed too.
    own: bool,
}

impl Filter {
    fn parse(call: &Call<'_>) -> Result<Self, CommandError> {
        let mut filter = Self::default();
        let mut rest = call.rest(2);
        while let Some(option) = rest.next() {
            let argument = rest.next().ok_or(CommandError::new(SYNTAX))?;
            if is(option, "ID") {
                let id = client_id(argument);
                let text = "ERR client-id should be greater than 0";
                filter.id = Some(id.ok_or(CommandError::new(text))?);
            } else if is(option, "ADDR") {
                filter.address = Some(argument.to_vec());
            } else if is(option, "LADDR") {
                filter.local_address = Some(argument.to_vec());
            } else if is(option, "TYPE") {
                filter.kind = Some(ClientType::parse(argument)?);
            } else if is(option, "USER") && argument == USER {
                // Everybody is the default user.
            } else if is(option, "USER") {
                let user = shown(argument);
                return Err(CommandError::new(format!("ERR No such user '{user}'")));
            } else if is(option, "SKIPME") && (is(argument, "yes") || is(argument, "no")) {
                filter.own = is(argument, "no");
            } else {
                return Err(CommandError::new(SYNTAX));
            }
        }
        Ok(filter)
    }

    fn meets(&self, session: &Session, call: &Call<'_>) -> bool {
        let same = |address: &Endpoint, wanted: &Option<Vec<u8>>| {
            let wanted = wanted.as_deref();
            wanted.is_none_or(|wanted| wanted == printed(address).as_bytes())
        };
        self.kind.is_none_or(|kind| kind == ClientType::of(session))
            && (self.own || session.id != call.session.id)
            && self.id.is_none_or(|id| id == session.id)
            && same(&session.address, &self.address)
            && same(&session.local_address, &self.local_address)
    }
}

/// `CLIENT KILL address` or `CLIENT KILL [ID id] [ADDR address] [LADDR address] [TYPE type]
/// [USER user] [SKIPME yes | no]`
pub(super) fn kill(call: &Call<'_>) -> Executed {
    let by_address = call.arguments.count() == 3;
    let filter = if by_address {
        Filter { address: Some(call.argument(2).to_vec()), own: true, ..Filter::default() }
    } else {
        Filter::parse(call)?
    };
    let mut sessions = call.context.clients.list();
    sessions.retain(|session| filter.meets(session, call));
    if by_address && sessions.is_empty() {
        return refuse("ERR No such client");
    }
    let reply = if by_address { ok() } else { length(sessions.len()) };
    let mut own = false;
    for session in &sessions {
        if session.id == call.session.id {
            own = true;
        } else {
            session.kill();
        }
    }
    // The connection that kills itself still gets the reply.
    Ok(if own { Execution::Close(reply) } else { Execution::Done(reply) })
}
