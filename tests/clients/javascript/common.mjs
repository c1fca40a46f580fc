// The port of the server, its restart, and checks: what the JavaScript programs share.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';

export const port = Number(process.argv[2]);
export const url = `redis://127.0.0.1:${port}`;
// A value that a client which takes it for text, lines or C strings does not bring back.
export const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

export const same = (found, expected) => assert.deepEqual(found, expected);

export const between = (low, found, high) =>
  assert.ok(low <= found && found <= high, `${found} is not between ${low} and ${high}`);

// Waits until the call returns true; what it throws meanwhile is forgiven.
export async function until(holds) {
  const start = Date.now();
  let error = 'it never held';
  while (Date.now() - start < 20_000) {
    try {
      if (await holds()) return;
    } catch (thrown) {
      error = thrown;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('nothing came of it in 20 s', { cause: error });
}

// Kills the server, and starts it again on the same port and directory.
export function restart(password) {
  const env = password ? { ...process.env, KVS_PASSWORD: password } : process.env;
  execFileSync(process.env.KVS_RESTART, { env });
}
