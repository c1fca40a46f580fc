//! Redis' own programs and its Python client drive the server unmodified.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used)]

mod common;

use std::io::Write;
use std::process::{Command, Stdio};

use common::process::Server;
use common::text;
use common::tool::{has, output};
use kvs::EngineKind;
use tempfile::TempDir;

fn redis_cli(server: &Server, arguments: &[&str]) -> String {
    let port = server.address.port().to_string();
    output(Command::new("redis-cli").args(["-p", &port]).args(arguments))
}

#[test]
fn redis_cli_sets_gets_and_scans() {
    if !has("redis-cli", &["--version"]) {
        return;
    }
    let directory = TempDir::new().unwrap();
    let server = Server::start(directory.path(), &[]);
    assert_eq!(redis_cli(&server, &["ping"]), "PONG\n");
    assert_eq!(redis_cli(&server, &["set", "key", "va lue"]), "OK\n");
    assert_eq!(redis_cli(&server, &["get", "key"]), "va lue\n");
    assert_eq!(redis_cli(&server, &["-3", "get", "key"]), "va lue\n");
    assert_eq!(redis_cli(&server, &["incrby", "n", "41"]), "41\n");
    assert_eq!(redis_cli(&server, &["--json", "mget", "n", "none"]), "[\"41\",null]\n");
    assert_eq!(redis_cli(&server, &["set", "short", "x", "px", "60000"]), "OK\n");
    let left: i64 = redis_cli(&server, &["pttl", "short"]).trim().parse().unwrap();
    assert!((1..=60_000).contains(&left), "{left}");
    for n in 0..50 {
        redis_cli(&server, &["set", &format!("scan:{n}"), "x"]);
    }
    let scanned = redis_cli(&server, &["--scan", "--pattern", "scan:*"]);
    let mut keys: Vec<_> = scanned.lines().collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 50);
    assert_eq!(redis_cli(&server, &["dbsize"]), "53\n");
    assert!(redis_cli(&server, &["info"]).contains("role:master"));
    assert_eq!(redis_cli(&server, &["flushall"]), "OK\n");
    assert_eq!(redis_cli(&server, &["dbsize"]), "0\n");
    assert!(redis_cli(&server, &["nonsense"]).contains("unknown command"));
}

#[test]
fn redis_cli_and_redis_benchmark_use_a_unix_socket() {
    if !has("redis-cli", &["--version"]) || !has("redis-benchmark", &["--version"]) {
        return;
    }
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("kvs.sock");
    let path = path.to_str().unwrap();
    let _server = Server::start(&directory.path().join("data"), &["--unix", path]);
    let redis_cli =
        |arguments: &[&str]| output(Command::new("redis-cli").args(["-s", path]).args(arguments));
    assert_eq!(redis_cli(&["set", "key", "va lue"]), "OK\n");
    assert_eq!(redis_cli(&["-3", "get", "key"]), "va lue\n");
    assert_eq!(redis_cli(&["config", "get", "unixsocket"]), format!("unixsocket\n{path}\n"));
    assert_eq!(redis_cli(&["config", "get", "unixsocketperm"]), "unixsocketperm\n700\n");
    let listed = redis_cli(&["client", "list"]);
    assert!(listed.contains(&format!(" addr={path}:0 laddr={path}:0 ")), "{listed}");
    for pipeline in ["1", "16"] {
        let arguments = ["-s", path, "-t", "incr", "-n", "4800", "-q", "-P", pipeline];
        let printed = output(Command::new("redis-benchmark").args(arguments));
        assert!(printed.contains("INCR: "), "{printed}");
    }
    assert_eq!(redis_cli(&["get", "counter:__rand_int__"]), "9600\n");
}

#[test]
fn redis_cli_loads_a_mass_of_commands_through_its_pipe() {
    if !has("redis-cli", &["--version"]) {
        return;
    }
    let directory = TempDir::new().unwrap();
    let server = Server::start(directory.path(), &[]);
    let port = server.address.port().to_string();
    let mut child = Command::new("redis-cli")
        .args(["-p", &port, "--pipe"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut commands = Vec::new();
    for n in 0..20_000 {
        let key = format!("key{n}");
        write!(commands, "*3\r\n$3\r\nSET\r\n${}\r\n{key}\r\n$5\r\nvalue\r\n", key.len()).unwrap();
    }
    child.stdin.take().unwrap().write_all(&commands).unwrap();
    let output = child.wait_with_output().unwrap();
    let printed = text(&output.stdout);
    assert!(output.status.success() && printed.contains("errors: 0, replies: 20000"), "{printed}");
    assert_eq!(redis_cli(&server, &["dbsize"]), "20000\n");
}

#[test]
fn redis_benchmark_runs_with_and_without_pipelining() {
    if !has("redis-benchmark", &["--version"]) {
        return;
    }
    for engine in EngineKind::available() {
        let directory = TempDir::new().unwrap();
        let server = Server::start(directory.path(), &["--engine", engine.name()]);
        let port = server.address.port().to_string();
        for pipeline in ["1", "16"] {
            let arguments =
                ["-p", &port, "-t", "ping,set,get,incr,mset", "-n", "4800", "-q", "-P", pipeline];
            let printed = output(Command::new("redis-benchmark").args(arguments));
            for test in ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "MSET (10 keys)"] {
                assert!(printed.contains(&format!("{test}: ")), "{engine}, {test}: {printed}");
            }
            assert!(!printed.to_lowercase().contains("error"), "{printed}");
        }
        // Every increment of both runs counted.
        assert_eq!(redis_cli(&server, &["get", "counter:__rand_int__"]), "9600\n");
        assert_eq!(redis_cli(&server, &["exists", "counter:__rand_int__", "none"]), "1\n");
        assert_eq!(redis_cli(&server, &["ttl", "counter:__rand_int__"]), "-1\n");
        assert_eq!(redis_cli(&server, &["type", "none"]), "none\n");
    }
}

#[test]
fn redis_programs_give_a_password() {
    if !has("redis-cli", &["--version"]) || !has("python3", &["-c", "import redis"]) {
        return;
    }
    let directory = TempDir::new().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_kvs-server"));
    command.env("KVS_PASSWORD", "secret");
    let server = Server::start_command(command, directory.path(), &[]);
    let port = server.address.port().to_string();
    assert_eq!(redis_cli(&server, &["ping"]).trim(), "NOAUTH Authentication required.");
    for user in [&[][..], &["--user", "default"]] {
        let arguments = [&["--no-auth-warning", "-a", "secret"], user, &["ping"]].concat();
        assert_eq!(redis_cli(&server, &arguments), "PONG\n");
    }
    let arguments = ["-p", &port, "-a", "secret", "-n", "100", "-t", "set", "-q"];
    let measured = output(Command::new("redis-benchmark").args(arguments));
    assert!(measured.contains("requests per second"), "{measured}");
    let script = "
import sys, redis
# By itself the client tries again after a refused login, seconds later.
once = redis.retry.Retry(redis.backoff.NoBackoff(), 0)
for protocol in (2, 3):
    connect = lambda **login: redis.Redis(
        port=int(sys.argv[1]), protocol=protocol, retry=once, **login)
    assert connect(password='secret').set('k', 'v')
    assert connect(username='default', password='secret').get('k') == b'v'
    for login, error in (
        ({}, redis.AuthenticationError),
        ({'password': 'wrong'}, redis.AuthenticationError),
    ):
        try:
            connect(**login).get('k')
            raise SystemExit('a stranger was let in')
        except error:
            pass
print('done')
";
    assert_eq!(output(Command::new("python3").args(["-c", script, &port])), "done\n");
}

#[test]
fn redis_py_connects_pipelines_and_reads_back() {
    if !has("python3", &["-c", "import redis"]) {
        return;
    }
    let directory = TempDir::new().unwrap();
    let server = Server::start(directory.path(), &[]);
    let script = "
import sys, redis
for protocol in (2, 3):
    r = redis.Redis(port=int(sys.argv[1]), protocol=protocol, client_name='tester')
    assert r.ping()
    assert r.set('k', b'\\x00\\xff', ex=100) is True
    assert r.get('k') == b'\\x00\\xff'
    assert 0 < r.ttl('k') <= 100
    assert r.set('k', 'other', nx=True) is None
    assert r.get('none') is None
    assert r.mset({'a': 1, 'b': 2}) and r.mget('a', 'b', 'c') == [b'1', b'2', None]
    assert r.incr('a') == 2 and r.incrby('a', 5) == 7 and r.decr('b') == 1
    assert r.append('k', 'x') == 3 and r.strlen('k') == 3
    assert r.delete('a', 'b', 'c') == 2 and r.exists('k', 'a') == 1
    assert r.persist('k') and r.ttl('k') == -1 and r.ttl('none') == -2
    with r.pipeline(transaction=False) as pipe:
        for n in range(1000):
            pipe.set(f'p{n}', n)
            pipe.get(f'p{n}')
        replies = pipe.execute()
    assert replies[0::2] == [True] * 1000
    assert replies[1::2] == [str(n).encode() for n in range(1000)]
    assert sum(1 for _ in r.scan_iter('p*')) == 1000
    assert r.dbsize() == 1001 and r.type('k') == b'string'
    assert r.info()['role'] == 'master' and r.client_getname() in ('tester', b'tester')
    assert r.config_get('save') is not None and r.flushdb() and r.dbsize() == 0
    assert r.set('t', 'before')
    pipe = r.pipeline(transaction=True).set('t', 'after').incr('n').get('t')
    assert pipe.execute() == [True, 1, b'after']
    try:
        r.pipeline(transaction=True).incr('t').incr('n').execute()
        raise SystemExit('a text was incremented')
    except redis.ResponseError as error:
        assert 'not an integer' in str(error), error
    assert r.get('n') == b'2'
    with r.pipeline() as pipe:
        pipe.watch('t')
        assert pipe.get('t') == b'after'
        r.set('t', 'meanwhile')
        pipe.multi()
        pipe.set('t', 'too late')
        try:
            pipe.execute()
            raise SystemExit('a watched key was overwritten')
        except redis.WatchError:
            pass
    def change(pipe):
        pipe.multi()
        pipe.set('t', 'at last')
    assert r.transaction(change, 't') == [True]
    assert r.get('t') == b'at last' and r.delete('t', 'n') == 2
    assert r.execute_command('UNWATCH') in (True, b'OK')
    try:
        r.execute_command('NONSENSE')
        raise SystemExit('an unknown command was accepted')
    except redis.ResponseError as error:
        assert 'unknown command' in str(error), error
print('all well')
";
    let port = server.address.port().to_string();
    assert_eq!(output(Command::new("python3").args(["-c", script, &port])), "all well\n");
}
