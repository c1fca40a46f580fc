"""redis-py: both protocols and parsers, transactions, channels, databases, reconnects, passwords."""

import time

import redis
from redis._parsers import _HiredisParser, _RESP2Parser
from redis.backoff import NoBackoff
from redis.retry import Retry

from common import BYTES, PORT, between, raises, restart, same, until


def connect(**options):
    # By itself the client tries again after a refused login, seconds later.
    retry = Retry(NoBackoff(), 0)
    pool = redis.ConnectionPool(port=PORT, retry=retry, client_name='tester', **options)
    return redis.Redis(connection_pool=pool)


def strings(r):
    same(r.ping(), True)
    same(r.set('k', BYTES, ex=100), True)
    same(r.get('k'), BYTES)
    same(r.set(BYTES, 'binary key'), True)
    same(r.get(BYTES), b'binary key')
    same(r.set('k', 'other', nx=True), None)
    same(r.set('k', 'x', get=True, keepttl=True), BYTES)
    between(1, r.ttl('k'), 100)
    same(r.get('none'), None)
    same(r.mset({'a': 1, 'b': 2}), True)
    same(r.mget('a', 'b', 'c'), [b'1', b'2', None])
    same([r.incr('a'), r.incrby('a', 5), r.decr('b'), r.incrbyfloat('b', 0.5)], [2, 7, 1, 1.5])
    same([r.append('k', 'yz'), r.strlen('k'), r.getrange('k', 1, -1)], [3, 3, b'yz'])
    same([r.setbit('bits', 7, 1), r.bitcount('bits'), r.get('bits')], [0, 1, b'\x01'])
    same([r.getdel('bits'), r.delete('a', 'b', 'c'), r.exists('k', 'a')], [b'\x01', 2, 1])
    same([r.persist('k'), r.ttl('k'), r.ttl('none')], [True, -1, -2])
    raises(redis.ResponseError, lambda: r.execute_command('NONSENSE'), 'unknown command')
    large = BYTES * 12_288
    same(r.set('large', large), True)
    same(r.get('large') == large, True)


def expiry(r):
    same(r.set('short', 'x', px=100), True)
    between(-2, r.pttl('short'), 100)
    until(lambda: r.get('short') is None)
    same(r.set('long', 'x', exat=int(time.time()) + 1000), True)
    between(900, r.ttl('long'), 1000)
    same(r.getex('long', ex=100), b'x')
    between(1, r.ttl('long'), 100)


def pipelines(r):
    with r.pipeline(transaction=False) as pipe:
        for n in range(1000):
            pipe.set(f'p{n}', n)
            pipe.get(f'p{n}')
        replies = pipe.execute()
    same(replies[0::2], [True] * 1000)
    same(replies[1::2], [str(n).encode() for n in range(1000)])
    same(len(set(r.scan_iter('p*', count=50))), 1000)


def transactions(r):
    same(r.set('t', 'before'), True)
    pipe = r.pipeline().set('t', BYTES).incr('n').get('t')
    same(pipe.execute(), [True, 1, BYTES])
    raises(
        redis.ResponseError, lambda: r.pipeline().incr('t').incr('n').execute(), 'not an integer')
    same(r.get('n'), b'2')
    with r.pipeline() as pipe:
        pipe.watch('t')
        same(pipe.get('t'), BYTES)
        r.set('t', 'meanwhile')
        pipe.multi()
        pipe.set('t', 'too late')
        raises(redis.WatchError, pipe.execute)

    def change(pipe):
        before = pipe.get('t')
        pipe.multi()
        pipe.set('t', before + b', at last')

    same(r.transaction(change, 't'), [True])
    same(r.get('t'), b'meanwhile, at last')


def server(r):
    same(r.info()['role'], 'master')
    same(r.info('server')['redis_version'], '7.0.15')
    same(r.client_getname() in ('tester', b'tester'), True)
    same(r.config_get('save')['save'] is not None, True)
    between(90, r.command_count(), 1000)
    between(1, r.memory_usage('k'), 10_000)
    same([client['name'] for client in r.client_list()].count('tester') > 0, True)
    same(r.flushdb(), True)
    same([r.dbsize(), r.type('k'), r.execute_command('UNWATCH')], [0, b'none', True])


def databases(**options):
    zero, one = connect(**options), connect(db=1, **options)
    same(one.set('only', 'here'), True)
    same([zero.get('only'), one.get('only'), one.move('only', 0)], [None, b'here', True])
    same([zero.getdel('only'), one.dbsize()], [b'here', 0])


def subscriber(**options):
    return redis.Redis(port=PORT, **options).pubsub(ignore_subscribe_messages=True)


def next_message(listener):
    message = {}
    until(lambda: message.update(listener.get_message(timeout=0.1) or {}) or message)
    return message['channel'], message['data']


def channels(**options):
    r = connect(**options)
    listener = subscriber(**options)

    def told():
        return next_message(listener)

    listener.subscribe('news', BYTES)
    listener.psubscribe('n*')
    until(lambda: r.pubsub_numpat() == 1)
    same(r.publish('news', BYTES), 2)
    same({told() for _ in range(2)}, {(b'news', BYTES)})
    same(r.publish(BYTES, 'binary channel'), 1)
    same(told(), (BYTES, b'binary channel'))
    same([r.publish('other', 'x'), dict(r.pubsub_numsub('news', 'other'))],
         [0, {b'news': 1, b'other': 0}])
    # A subscriber finds what the transaction wrote that sent the message.
    same(r.pipeline().set('told', 1).publish('news', 'told').execute(), [True, 2])
    same([told(), r.get('told')], [(b'news', b'told'), b'1'])
    told()
    # The client subscribes again by itself.
    r.client_kill_filter(_type='pubsub')
    until(lambda: r.pubsub_numpat() == 0)
    listener.get_message()
    until(lambda: r.publish('news', 'again') == 2)
    same(told(), (b'news', b'again'))
    listener.close()
    until(lambda: r.pubsub_channels() == [])


def events(**options):
    r = connect(**options)
    same(r.config_set('notify-keyspace-events', 'Ex$'), True)
    same(r.config_get('notify-keyspace-events'), {'notify-keyspace-events': '$xE'})
    listener = subscriber(**options)
    listener.psubscribe('__keyevent@*__:*')
    until(lambda: r.pubsub_numpat() == 1)
    same(r.set('soon', 'gone', px=30), True)
    same(next_message(listener), (b'__keyevent@0__:set', b'soon'))
    same(next_message(listener), (b'__keyevent@0__:expired', b'soon'))
    same(r.config_set('notify-keyspace-events', ''), True)
    listener.close()
    until(lambda: r.pubsub_numpat() == 0)


def reconnect(**options):
    r = redis.Redis(port=PORT, **options)
    same(r.set('kept', BYTES), True)
    restart()
    same(r.get('kept'), BYTES)
    same(r.client_kill_filter(_type='normal', skipme=False) > 0, True)
    same(r.get('kept'), BYTES)


def passwords():
    restart(password='secret')
    for protocol in (2, 3):
        same(connect(protocol=protocol, password='secret').get('kept'), BYTES)
        same(connect(protocol=protocol, username='default', password='secret').ping(), True)
        for login in ({}, {'password': 'wrong'}):
            stranger = connect(protocol=protocol, **login)
            raises(redis.AuthenticationError, lambda: stranger.get('kept'))


for protocol in (2, 3):
    for parser in (_RESP2Parser, _HiredisParser):
        options = {'protocol': protocol, 'parser_class': parser}
        for part in (strings, expiry, pipelines, transactions, server):
            part(connect(**options))
        databases(**options)
    channels(protocol=protocol)
    events(protocol=protocol)
    reconnect(protocol=protocol)
passwords()
