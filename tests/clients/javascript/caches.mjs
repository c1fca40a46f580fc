// Keyv with @keyv/redis, and cache-manager on it.

import KeyvRedis from '@keyv/redis';
import { createCache } from 'cache-manager';
import Keyv from 'keyv';
import { between, bytes, restart, same, until, url } from './common.mjs';

const store = new KeyvRedis(url);
const keyv = new Keyv({ store, namespace: 'other' });
keyv.on('error', () => {});
same(await keyv.set('k', bytes, 100_000), true);
same(Buffer.from(await keyv.get('k')), bytes);
same([await keyv.get('none'), await keyv.has('none')], [undefined, false]);
same(await keyv.has('k'), true);
await keyv.set('short', 'x', 100);
await until(async () => (await keyv.get('short')) === undefined);
await keyv.setMany([{ key: 'a', value: 1 }, { key: 'b', value: { c: [2] }, ttl: 60_000 }]);
same(await keyv.getMany(['a', 'b', 'c']), [1, { c: [2] }, undefined]);
const found = new Map();
for await (const [key, value] of keyv.iterator()) found.set(key, value);
same([...found.keys()].sort(), ['a', 'b', 'k']);
same([await keyv.deleteMany(['a', 'b']), await keyv.delete('none')], [true, false]);
restart();
await until(async () => Buffer.from(await keyv.get('k')).equals(bytes));

const cache = createCache({ stores: [new Keyv({ store: new KeyvRedis(url) })], ttl: 60_000 });
same(await cache.set('m', { text: 'ü' }), { text: 'ü' });
same([await cache.get('m'), await cache.get('none')], [{ text: 'ü' }, undefined]);
between(Date.now() + 50_000, await cache.ttl('m'), Date.now() + 60_000);
await cache.mset([{ key: 'x', value: 1, ttl: 50_000 }, { key: 'y', value: 2 }]);
same(await cache.mget(['x', 'y', 'z']), [1, 2, undefined]);
let made = 0;
for (let n = 0; n < 3; n += 1) {
  same(await cache.wrap('made', async () => { made += 1; return `made ${made}`; }), 'made 1');
}
same(await cache.mdel(['x', 'y']), true);
same(await cache.mget(['x', 'y']), [undefined, undefined]);
// What has a namespace is cleared alone.
await keyv.clear();
same([await keyv.get('k'), await cache.get('made')], [undefined, 'made 1']);
await cache.clear();
same(await cache.get('made'), undefined);
await Promise.all([keyv.disconnect(), cache.disconnect()]);
