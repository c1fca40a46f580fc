"""redis-py's asyncio client: many tasks on one pool, pipelines, WATCH, a reconnect."""

import asyncio

import redis.asyncio as redis
from redis.exceptions import WatchError

from common import BYTES, PORT, between, restart, same


async def use(protocol):
    async with redis.Redis(port=PORT, protocol=protocol) as r:
        same(await r.set('k', BYTES, px=60_000), True)
        same(await r.get('k'), BYTES)
        between(1, await r.pttl('k'), 60_000)
        same(await r.set('short', 'x', px=100), True)
        while await r.get('short') is not None:
            await asyncio.sleep(0.01)

        # Tasks take turns on the connections of the pool.
        replies = await asyncio.gather(*(r.incr(f'n{n % 10}') for n in range(50)))
        same(sorted(replies), sorted(list(range(1, 6)) * 10))
        same(sorted([key async for key in r.scan_iter('n*')]), [b'n%d' % n for n in range(10)])

        async with r.pipeline(transaction=True) as pipe:
            same(await pipe.set('t', 'v').get('t').incr('n').execute(), [True, b'v', 1])
        async with r.pipeline() as pipe:
            await pipe.watch('t')
            await r.set('t', 'meanwhile')
            pipe.multi()
            pipe.set('t', 'too late')
            try:
                await pipe.execute()
                raise AssertionError('a watched key was overwritten')
            except WatchError:
                pass
        same(await r.get('t'), b'meanwhile')

        await asyncio.to_thread(restart)
        same(await r.get('k'), BYTES)
        same(await r.client_kill_filter(_type='normal', skipme=False) > 0, True)
        same(await r.get('k'), BYTES)
        same(await r.flushdb(), True)


for protocol in (2, 3):
    asyncio.run(asyncio.wait_for(use(protocol), 60))
