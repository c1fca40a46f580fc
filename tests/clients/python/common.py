"""The port of the server, its restart, and checks: what the Python programs share."""

import os
import subprocess
import sys
import time

PORT = int(sys.argv[1])
URL = f'redis://127.0.0.1:{PORT}'
# A value that a client which takes it for text, lines or C strings does not bring back.
BYTES = bytes(range(256))
# Longer than anything takes here.
PATIENCE = 20


def same(found, expected):
    """Fails unless the two are equal."""
    if found != expected:
        raise AssertionError(f'{found!r} where {expected!r} should be')


def between(low, found, high):
    """Fails unless the value is in the range."""
    if not low <= found <= high:
        raise AssertionError(f'{found!r} is not between {low!r} and {high!r}')


def raises(error, act, text=''):
    """Fails unless the call raises this error with this text."""
    try:
        found = act()
    except error as raised:
        if text not in str(raised):
            raise
        return
    raise AssertionError(f'{error.__name__} was not raised: {found!r}')


def until(holds):
    """Waits until the call returns true."""
    start = time.monotonic()
    while not holds():
        if time.monotonic() - start > PATIENCE:
            raise AssertionError(f'nothing came of it in {PATIENCE} s')
        time.sleep(0.01)


def restart(password=None):
    """Kills the server, and starts it again on the same port and directory."""
    environment = dict(os.environ)
    if password:
        environment['KVS_PASSWORD'] = password
    subprocess.run([os.environ['KVS_RESTART']], env=environment, check=True)
