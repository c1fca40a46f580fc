<?php
// phpredis: strings, pipelines, transactions, scans, a reconnect; and the sessions of PHP in it.

$port = (int) $argv[1];
$bytes = implode('', array_map('chr', range(0, 255)));

function same(mixed $found, mixed $expected): void
{
    if ($found !== $expected) {
        $flags = JSON_INVALID_UTF8_SUBSTITUTE;
        throw new Exception(json_encode([$found, 'where this should be', $expected], $flags));
    }
}

function until(callable $holds): void
{
    $start = microtime(true);
    while (!$holds()) {
        if (microtime(true) - $start > 20) {
            throw new Exception('nothing came of it in 20 s');
        }
        usleep(10_000);
    }
}

// Kills the server, and starts it again on the same port and directory.
function restart(): void
{
    exec(getenv('KVS_RESTART'), $output, $status);
    same($status, 0);
}

function connect(int $port): Redis
{
    $redis = new Redis();
    same($redis->connect('127.0.0.1', $port), true);
    return $redis;
}

$r = connect($port);
same($r->setex('k', 100, $bytes), true);
same([$r->get('k'), $r->get('none')], [$bytes, false]);
same($r->ttl('k') > 0 && $r->ttl('k') <= 100, true);
same($r->set('k', 'other', ['nx']), false);
same($r->set('short', 'x', ['px' => 100]), true);
until(fn () => $r->get('short') === false);
same($r->mset(['a' => '1', 'b' => '2']), true);
same($r->mget(['a', 'b', 'c']), ['1', '2', false]);
same([$r->incr('a'), $r->incrByFloat('b', 0.5), $r->append('a', '0')], [2, 2.5, 2]);
same($r->pipeline()->set('p', 1)->incr('p')->get('p')->exec(), [true, 2, '2']);
same($r->multi()->set('t', 'v')->get('t')->incr('n')->exec(), [true, 'v', 1]);
same($r->watch('t'), true);
same(connect($port)->set('t', 'meanwhile'), true);
same([$r->multi()->set('t', 'too late')->exec(), $r->get('t')], [false, 'meanwhile']);
same($r->rawCommand('NONSENSE'), false);
same(str_contains($r->getLastError(), 'unknown command'), true);
$r->clearLastError();
same($r->info()['role'], 'master');

$r->setOption(Redis::OPT_SERIALIZER, Redis::SERIALIZER_PHP);
$array = ['x' => [1, 2.5, null]];
same([$r->set('array', $array), $r->get('array')], [true, $array]);
$r->setOption(Redis::OPT_SERIALIZER, Redis::SERIALIZER_NONE);
$r->setOption(Redis::OPT_SCAN, Redis::SCAN_RETRY);
$keys = [];
$cursor = null;
while (($page = $r->scan($cursor, '*', 3)) !== false) {
    array_push($keys, ...$page);
}
sort($keys);
same(array_values(array_unique($keys)), ['a', 'array', 'b', 'k', 'n', 'p', 't']);
same([$r->select(1), $r->get('k'), $r->set('only', 'here')], [true, false, true]);
restart();
// The client chooses its database again.
same([$r->get('only'), $r->select(0), $r->get('k')], ['here', true, $bytes]);
same($r->flushAll(), true);

// Each session_start() is another request of the same visitor.
ini_set('session.save_handler', 'redis');
ini_set('session.save_path', "tcp://127.0.0.1:$port?prefix=session:&database=2");
ini_set('session.gc_maxlifetime', '600');
ini_set('session.use_cookies', '0');
ini_set('session.cache_limiter', '');
session_id('visitor');
for ($visits = 1; $visits <= 4; $visits += 1) {
    same(session_start(), true);
    $_SESSION['visits'] = ($_SESSION['visits'] ?? 0) + 1;
    $_SESSION['bytes'] = $bytes;
    same([$_SESSION['visits'], $_SESSION['bytes']], [$visits, $bytes]);
    same(session_write_close(), true);
    if ($visits === 3) {
        restart();
    }
}
same([$r->select(2), $r->dbSize()], [true, 1]);
same($r->ttl('session:visitor') > 500 && $r->ttl('session:visitor') <= 600, true);
same([session_start(), session_destroy(), $r->dbSize()], [true, true, 0]);
