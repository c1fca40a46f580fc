"""Flask: the caches of Flask-Caching, and sessions of Flask-Session."""

from flask import Flask, session
from flask_caching import Cache
from flask_session import Session
from redis import Redis

from common import BYTES, PORT, URL, between, restart, same, until

app = Flask(__name__)
app.config.update(
    SESSION_TYPE='redis',
    SESSION_REDIS=Redis(port=PORT),
    CACHE_TYPE='RedisCache',
    CACHE_REDIS_URL=f'{URL}/1',
    CACHE_DEFAULT_TIMEOUT=60,
)
Session(app)
cache = Cache(app)
made = 0


@app.route('/visit')
def visit():
    session['visits'] = session.get('visits', 0) + 1
    session['bytes'] = BYTES
    return str(session['visits'])


@app.route('/leave')
def leave():
    session.clear()
    return 'gone'


@app.route('/page')
@cache.cached()
def page():
    global made
    made += 1
    return f'page {made}'


@cache.memoize(timeout=50)
def double(number):
    global made
    made += 1
    return number * 2


def caching():
    global made
    cache.set('k', {'bytes': BYTES})
    same([cache.get('k'), cache.get('none')], [{'bytes': BYTES}, None])
    same([cache.add('k', 1), cache.has('k'), cache.delete('k'), cache.has('k')],
         [False, True, True, False])
    same(cache.set_many({'a': 1, 'b': 2}), ['a', 'b'])
    same(cache.get_many('a', 'b', 'c'), [1, 2, None])
    same(cache.get_dict('a', 'b'), {'a': 1, 'b': 2})
    cache.delete_many('a', 'b')
    cache.set('short', 'x', timeout=1)
    until(lambda: cache.get('short') is None)
    visitor = app.test_client()
    same([visitor.get('/page').text for _ in range(2)], ['page 1', 'page 1'])
    made = 0
    same([double(21), double(21), double(4), made], [42, 42, 8, 2])
    restart()
    same([double(21), made], [42, 2])
    cache.delete_memoized(double, 21)
    same([double(21), double(4), made], [42, 8, 3])
    same([cache.clear(), cache.get_many('a', 'b')], [True, [None, None]])


def sessions():
    visitor, other = app.test_client(), app.test_client()
    same([visitor.get('/visit').text for _ in range(3)], ['1', '2', '3'])
    same(other.get('/visit').text, '1')
    r = app.config['SESSION_REDIS']
    keys = list(r.scan_iter('session:*'))
    same(len(keys), 2)
    # Sessions live for 31 days.
    between(30 * 86_400, r.ttl(keys[0]), 31 * 86_400)
    restart()
    same(visitor.get('/visit').text, '4')
    same([visitor.get('/leave').text, visitor.get('/visit').text], ['gone', '1'])


with app.app_context():
    caching()
sessions()
