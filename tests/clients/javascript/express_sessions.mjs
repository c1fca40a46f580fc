// Sessions of Express in connect-redis.

import { once } from 'node:events';
import { RedisStore } from 'connect-redis';
import express from 'express';
import session from 'express-session';
import { createClient } from 'redis';
import { between, bytes, restart, same, until, url } from './common.mjs';

const client = createClient({ url });
client.on('error', () => {});
await client.connect();
const app = express();
const store = new RedisStore({ client, prefix: 'session:', ttl: 600 });
app.use(session({ store, secret: 'none', resave: false, saveUninitialized: false }));
app.get('/visit', (request, response) => {
  request.session.visits = (request.session.visits ?? 0) + 1;
  request.session.bytes = bytes.toString('latin1');
  response.send(String(request.session.visits));
});
app.get('/leave', (request, response) => request.session.destroy(() => response.send('gone')));
// Errors are expected while the server is away.
app.use((error, request, response, next) => response.status(500).send(String(error)));
const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');

// Returns a visitor with cookies of its own: a function of the path.
function visitor() {
  let cookie = '';
  return async (path) => {
    const address = `http://127.0.0.1:${server.address().port}${path}`;
    const response = await fetch(address, { headers: { cookie } });
    cookie = response.headers.get('set-cookie')?.split(';')[0] ?? cookie;
    return response.text();
  };
}

const [ann, bob] = [visitor(), visitor()];
same([await ann('/visit'), await ann('/visit'), await bob('/visit')], ['1', '2', '1']);
const keys = await client.keys('session:*');
same(keys.length, 2);
between(500, await client.ttl(keys[0]), 600);
same(JSON.parse(await client.get(keys[0])).bytes, bytes.toString('latin1'));
restart();
await until(() => client.ping());
same(await ann('/visit'), '3');
same([await ann('/leave'), await ann('/visit'), await bob('/visit')], ['gone', '1', '2']);
// A session ends when its key expires.
for (const key of await client.keys('session:*')) await client.pExpire(key, 100);
await until(async () => (await client.dbSize()) === 0);
same(await bob('/visit'), '1');
server.close();
server.closeAllConnections();
client.destroy();
