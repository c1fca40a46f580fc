"""coredis."""

import asyncio

import coredis

from common import BYTES, PORT, between, restart, same


async def use():
    client = coredis.Redis(port=PORT)
    async with client:
        same(await client.set('k', BYTES, ex=100), True)
        same([await client.get('k'), await client.get('none')], [BYTES, None])
        between(1, await client.ttl('k'), 100)
        same(await client.set('short', 'x', px=100), True)
        while await client.get('short') is not None:
            await asyncio.sleep(0.01)
        replies = await asyncio.gather(*(client.incr('n') for _ in range(100)))
        same(sorted(replies), list(range(1, 101)))
        async with client.pipeline(transaction=True) as pipe:
            results = [pipe.set('t', 'v'), pipe.get('t'), pipe.incr('n')]
        same([await result for result in results], [True, b'v', 101])
        same({key async for key in client.scan_iter()}, {b'k', b'n', b't'})
        await asyncio.to_thread(restart)
        for _ in range(200):
            try:
                same(await client.get('k'), BYTES)
                break
            except coredis.exceptions.ConnectionError as error:
                refused = error
                await asyncio.sleep(0.05)
        else:
            raise refused
        same(await client.flushall(), True)


asyncio.run(asyncio.wait_for(use(), 60))
