"""Django: its own cache of Redis, sessions in it, the cache of pages; and django-redis."""

import django
from django.conf import settings

from common import BYTES, URL, between, restart, same, until

settings.configure(
    SECRET_KEY='none',
    ALLOWED_HOSTS=['*'],
    ROOT_URLCONF=__name__,
    CACHES={
        'default': {'BACKEND': 'django.core.cache.backends.redis.RedisCache', 'LOCATION': URL},
        'django_redis': {
            'BACKEND': 'django_redis.cache.RedisCache',
            'LOCATION': f'{URL}/1',
            'OPTIONS': {'CLIENT_CLASS': 'django_redis.client.DefaultClient'},
        },
    },
    SESSION_ENGINE='django.contrib.sessions.backends.cache',
    INSTALLED_APPS=['django.contrib.sessions'],
    MIDDLEWARE=['django.contrib.sessions.middleware.SessionMiddleware'],
)
django.setup()

from django.core.cache import caches  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import path  # noqa: E402
from django.views.decorators.cache import cache_page  # noqa: E402

made = 0


def visit(request):
    request.session['visits'] = request.session.get('visits', 0) + 1
    request.session['bytes'] = BYTES.hex()
    return HttpResponse(str(request.session['visits']))


def leave(request):
    request.session.flush()
    return HttpResponse('gone')


@cache_page(60)
def page(request):
    global made
    made += 1
    return HttpResponse(f'page {made}')


urlpatterns = [path('visit', visit), path('leave', leave), path('page', page)]


def use(cache):
    cache.set('k', {'bytes': BYTES, 'text': 'ü'}, 100)
    same(cache.get('k'), {'bytes': BYTES, 'text': 'ü'})
    same([cache.add('k', 1), cache.add('new', 1), cache.get('none', 'absent')],
         [False, True, 'absent'])
    same([cache.incr('new'), cache.incr('new', 5), cache.decr('new')], [2, 7, 6])
    cache.set_many({'a': 1, 'b': [2], 'c': None})
    same(cache.get_many(['a', 'b', 'c', 'd']), {'a': 1, 'b': [2], 'c': None})
    cache.delete_many(['a', 'b'])
    same([cache.has_key('a'), cache.has_key('c'), cache.delete('c')], [False, True, True])
    same([cache.touch('k', 200), cache.touch('none')], [True, False])
    same(cache.get_or_set('made', lambda: 'now', 10), 'now')
    cache.set('short', 'x', 1)
    until(lambda: cache.get('short') is None)
    restart()
    same(cache.get('k')['bytes'], BYTES)


def sessions():
    visitor, other = Client(), Client()
    same([visitor.get('/visit').content for _ in range(3)], [b'1', b'2', b'3'])
    same(other.get('/visit').content, b'1')
    restart()
    same(visitor.get('/visit').content, b'4')
    same([visitor.get('/leave').content, visitor.get('/visit').content], [b'gone', b'1'])
    same([other.get('/page').content for _ in range(2)], [b'page 1', b'page 1'])


def only_in_django_redis(cache):
    cache.set('n:1', 'x', timeout=60)
    cache.set('n:2', 'x', timeout=None)
    between(1, cache.ttl('n:1'), 60)
    same([cache.ttl('n:2'), cache.ttl('n:3')], [None, 0])
    same([cache.expire('n:2', timeout=50), cache.persist('n:1'), cache.ttl('n:1')],
         [True, True, None])
    same(cache.pexpire('n:1', timeout=100), True)
    until(lambda: cache.get('n:1') is None)
    same(sorted(cache.keys('n:*')), ['n:2'])
    same(list(cache.iter_keys('n:*')), ['n:2'])
    same([cache.set('n:2', 'y', nx=True), cache.get('n:2')], [False, 'x'])
    same([cache.delete_pattern('n:*'), cache.get('n:2')], [1, None])


for name in ('default', 'django_redis'):
    use(caches[name])
sessions()
only_in_django_redis(caches['django_redis'])
caches['default'].clear()
same(caches['default'].get('k'), None)
# The other cache is in another database.
same(caches['django_redis'].get('k')['bytes'], BYTES)
