"""valkey-glide, whose core is written in Rust: requests of one connection, batches, a reconnect."""

import asyncio

from glide import (
    Batch, ExpirySet, ExpiryType, GlideClient, GlideClientConfiguration, NodeAddress,
    ProtocolVersion)

from common import BYTES, PORT, between, restart, same


async def use(protocol):
    address = NodeAddress('127.0.0.1', PORT)
    client = await GlideClient.create(
        GlideClientConfiguration([address], protocol=protocol, request_timeout=10_000))
    same(await client.set('k', BYTES, expiry=ExpirySet(ExpiryType.SEC, 100)), 'OK')
    same([await client.get('k'), await client.get('none')], [BYTES, None])
    between(1, await client.ttl('k'), 100)
    same(await client.set('short', 'x', expiry=ExpirySet(ExpiryType.MILLSEC, 100)), 'OK')
    while await client.get('short') is not None:
        await asyncio.sleep(0.01)
    replies = await asyncio.gather(*(client.incr('n') for _ in range(100)))
    same(sorted(replies), list(range(1, 101)))
    for is_atomic in (True, False):
        batch = Batch(is_atomic).set('b', 'v').get('b').mget(['b', 'none'])
        same(await client.exec(batch, raise_on_error=True), ['OK', b'v', [b'v', None]])
    await asyncio.to_thread(restart)
    # What is asked while the connection is down may be refused: it is for the program to ask anew.
    for _ in range(200):
        try:
            same(await client.get('k'), BYTES)
            break
        except Exception as error:
            refused = error
            await asyncio.sleep(0.05)
    else:
        raise refused
    same(await client.flushall(), 'OK')
    await client.close()


for protocol in (ProtocolVersion.RESP2, ProtocolVersion.RESP3):
    asyncio.run(asyncio.wait_for(use(protocol), 60))
