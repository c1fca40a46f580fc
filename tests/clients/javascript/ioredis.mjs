// ioredis, versions 5 and 6: strings, pipelines, transactions, scans, channels, reconnects,
// passwords.

import assert from 'node:assert/strict';
import Redis5 from 'ioredis5';
import Redis6 from 'ioredis';
import { between, bytes, port, restart, same, until } from './common.mjs';

async function use(Redis) {
  const r = new Redis({ port, connectionName: 'tester' });
  same(await r.set('k', bytes, 'EX', 100), 'OK');
  same(await r.getBuffer('k'), bytes);
  same(await r.set(bytes, 'binary key'), 'OK');
  same([await r.get(bytes), await r.get('none')], ['binary key', null]);
  between(1, await r.ttl('k'), 100);
  same(await r.set('k', 'other', 'NX'), null);
  same(await r.set('short', 'x', 'PX', 100), 'OK');
  await until(async () => (await r.get('short')) === null);
  same(await r.mset({ a: 1, b: 2 }), 'OK');
  same(await r.mget('a', 'b', 'c'), ['1', '2', null]);
  same([await r.incr('a'), await r.incrbyfloat('b', 0.5)], [2, '2.5']);
  same(await r.pipeline().set('p', 1).incr('p').incr('k').exec().then((found) => found.length), 3);
  same(await r.multi().set('t', 'v').getBuffer('t').incr('n').exec(),
    [[null, 'OK'], [null, Buffer.from('v')], [null, 1]]);
  await assert.rejects(r.call('NONSENSE'), /unknown command/);

  // Another client comes between WATCH and EXEC.
  const other = r.duplicate();
  same(await r.watch('t'), 'OK');
  await other.set('t', 'meanwhile');
  same(await r.multi().set('t', 'too late').exec(), null);
  same(await r.get('t'), 'meanwhile');

  const found = new Set();
  for (let n = 0; n < 500; n += 1) other.set(`scan:${n}`, n);
  await other.ping();
  for await (const keys of r.scanStream({ match: 'scan:*', count: 50 })) {
    keys.forEach((key) => found.add(key));
  }
  same(found.size, 500);

  const automatic = new Redis({ port, enableAutoPipelining: true });
  const replies = await Promise.all(Array.from({ length: 200 }, () => automatic.incr('auto')));
  same(replies.at(-1), 200);

  const listener = r.duplicate();
  const told = [];
  listener.on('messageBuffer', (channel, message) => told.push([`${channel}`, message]));
  listener.on('pmessage', (pattern, channel, message) => told.push([pattern, message]));
  same([await listener.subscribe('news', 'other'), await listener.psubscribe('n?ws')], [2, 3]);
  same([await r.publish('news', bytes), await r.publish('none', 'x')], [2, 0]);
  await until(() => told.length === 2);
  same(told[0], ['news', bytes]);
  same([await listener.unsubscribe('news', 'other'), await r.publish('news', 'last')], [1, 1]);
  await until(() => told.length === 3);
  same(told[2], ['n?ws', 'last']);

  const one = new Redis({ port, db: 1 });
  same([await one.set('only', 'here'), await r.get('only')], ['OK', null]);
  restart();
  same(await r.getBuffer('k'), bytes);
  // The client chooses its database again.
  same(await one.get('only'), 'here');
  same((await r.client('LIST')).includes('name=tester'), true);
  other.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'no').catch(() => {});
  await until(async () => (await r.getBuffer('k')).equals(bytes));
  // The client subscribes again.
  await until(async () => (await r.publish('news', 'again')) === 1);
  await until(() => told.at(-1)[1] === 'again');
  same(await r.flushall(), 'OK');
  for (const client of [r, other, automatic, one, listener]) client.disconnect();
}

async function passwords(Redis) {
  for (const login of [{ password: 'secret' }, { username: 'default', password: 'secret' }]) {
    const r = new Redis({ port, ...login });
    same(await r.ping(), 'PONG');
    r.disconnect();
  }
  const stranger = new Redis({ port, password: 'wrong', retryStrategy: null });
  stranger.on('error', () => {});
  await assert.rejects(stranger.get('k'));
  stranger.disconnect();
}

for (const Redis of [Redis5, Redis6]) await use(Redis);
restart('secret');
for (const Redis of [Redis5, Redis6]) await passwords(Redis);
