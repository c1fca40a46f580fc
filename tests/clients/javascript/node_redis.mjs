// node-redis, versions 5 and 6, with both protocols: strings, transactions, a pool, channels, a
// reconnect.

import assert from 'node:assert/strict';
import * as redis5 from 'redis5';
import * as redis6 from 'redis';
import { between, bytes, restart, same, until, url } from './common.mjs';

async function use({ createClient, createClientPool, RESP_TYPES, WatchError }, RESP) {
  const r = createClient({ url, RESP, name: 'tester' });
  r.on('error', () => {});
  await r.connect();
  const binary = r.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
  same(await r.set('k', bytes, { expiration: { type: 'EX', value: 100 } }), 'OK');
  same(await binary.get('k'), bytes);
  same(await r.get('none'), null);
  between(1, await r.ttl('k'), 100);
  same(await r.set('k', 'other', { condition: 'NX' }), null);
  same(await r.set('short', 'x', { expiration: { type: 'PX', value: 100 } }), 'OK');
  await until(async () => (await r.get('short')) === null);
  same(await r.mSet({ a: '1', b: '2' }), 'OK');
  same(await r.mGet(['a', 'b', 'c']), ['1', '2', null]);
  // What is asked in one turn is sent in one go.
  same(await Promise.all([r.incr('a'), r.incrBy('a', 5), r.decr('b')]), [2, 7, 1]);
  same(await r.multi().set('t', 'v').get('t').incr('n').exec(), ['OK', 'v', 1]);
  same(await r.multi().get('t').incr('n').execAsPipeline(), ['v', 2]);
  await assert.rejects(r.sendCommand(['NONSENSE']), /unknown command/);

  const pool = createClientPool({ url, RESP });
  await pool.connect();
  same((await Promise.all(Array.from({ length: 100 }, () => pool.incr('pool')))).length, 100);
  same(await pool.get('pool'), '100');
  await r.watch('t');
  await pool.set('t', 'meanwhile');
  await assert.rejects(r.multi().set('t', 'too late').exec(), WatchError);
  same(await r.get('t'), 'meanwhile');
  pool.destroy();

  const found = new Set();
  for await (const keys of r.scanIterator({ COUNT: 2 })) keys.forEach((key) => found.add(key));
  same([...found].sort(), ['a', 'b', 'k', 'n', 'pool', 't']);

  const listener = r.duplicate();
  listener.on('error', () => {});
  await listener.connect();
  const told = [];
  const tell = (message, channel) => told.push([channel, message]);
  await listener.subscribe('news', tell);
  await listener.subscribe('news', (message) => told.push(message), true);
  await listener.pSubscribe('n*', tell);
  await listener.sSubscribe('news', tell);
  same([await r.publish('news', bytes), await r.sPublish('news', 'shard')], [2, 1]);
  await until(() => told.length === 4);
  same(told.filter(Buffer.isBuffer), [bytes]);
  same(told[3], ['news', 'shard']);
  same({ ...await r.pubSubNumSub(['news', 'none']) }, { news: 1, none: 0 });
  await listener.unsubscribe('news');
  await listener.pUnsubscribe();
  same(await r.publish('news', 'nobody'), 0);
  listener.destroy();

  restart();
  await until(async () => (await binary.get('k')).equals(bytes));
  same(await r.clientGetName(), 'tester');
  same(await r.flushAll(), 'OK');
  r.destroy();
}

async function passwords({ createClient }, RESP) {
  for (const login of [{ password: 'secret' }, { username: 'default', password: 'secret' }]) {
    const r = await createClient({ url, RESP, ...login }).connect();
    same(await r.ping(), 'PONG');
    r.destroy();
  }
  const socket = { reconnectStrategy: false };
  const stranger = createClient({ url, RESP, password: 'wrong', socket });
  stranger.on('error', () => {});
  await assert.rejects(stranger.connect(), /WRONGPASS|invalid/);
  if (stranger.isOpen) stranger.destroy();
}

for (const redis of [redis5, redis6]) {
  for (const RESP of [2, 3]) await use(redis, RESP);
}
restart('secret');
for (const redis of [redis5, redis6]) {
  for (const RESP of [2, 3]) await passwords(redis, RESP);
}
