"""valkey-py, synchronous and asyncio."""

import asyncio

import valkey

from common import BYTES, PORT, between, raises, restart, same, until


def use(protocol):
    v = valkey.Valkey(port=PORT, protocol=protocol, retry_on_error=[valkey.ConnectionError])
    same(v.set('k', BYTES, ex=100), True)
    same([v.get('k'), v.get('none')], [BYTES, None])
    between(1, v.ttl('k'), 100)
    same(v.set('short', 'x', px=100), True)
    until(lambda: v.get('short') is None)
    same(v.pipeline().set('n', 1).incr('n').mget('n', 'none').execute(), [True, 2, [b'2', None]])
    same(v.pipeline(transaction=False).get('n').incr('n').execute(), [b'2', 3])
    with v.pipeline() as pipe:
        pipe.watch('n')
        v.incr('n')
        pipe.multi()
        pipe.incr('n')
        raises(valkey.WatchError, pipe.execute)
    same(v.get('n'), b'4')
    same(set(v.scan_iter()), {b'k', b'n'})
    restart()
    same(v.get('k'), BYTES)
    same(v.client_kill_filter(_type='normal', skipme=False) > 0, True)
    same(v.get('k'), BYTES)
    same(v.flushall(), True)


async def use_asyncio():
    async with valkey.asyncio.Valkey(port=PORT) as v:
        same(await v.set('k', BYTES), True)
        same(await asyncio.gather(*(v.get('k') for _ in range(50))), [BYTES] * 50)
        same(await v.pipeline().set('k', 1).incr('k').execute(), [True, 2])


for protocol in (2, 3):
    use(protocol)
asyncio.run(use_asyncio())
