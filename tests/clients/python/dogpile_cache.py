"""dogpile.cache on the backend for Redis."""

from dogpile.cache import make_region
from dogpile.cache.api import NO_VALUE

from common import BYTES, PORT, between, restart, same, until

region = make_region().configure(
    'dogpile.cache.redis',
    expiration_time=3600,
    arguments={'host': '127.0.0.1', 'port': PORT, 'redis_expiration_time': 7200},
)
made = 0


@region.cache_on_arguments()
def double(number):
    global made
    made += 1
    return number * 2


@region.cache_multi_on_arguments()
def doubles(*numbers):
    global made
    made += 1
    return [number * 2 for number in numbers]


region.set('k', BYTES)
same([region.get('k'), region.get('none')], [BYTES, NO_VALUE])
between(7000, region.backend.reader_client.ttl('k'), 7200)
same([double(21), double(21), made], [42, 42, 1])
same([doubles(1, 2), doubles(1, 2, 3), doubles(1, 2, 3), made], [[2, 4], [2, 4, 6], [2, 4, 6], 3])
double.invalidate(21)
same([double(21), made], [42, 4])
region.set_multi({'a': 1, 'b': 2})
same(region.get_multi(['a', 'b', 'c']), [1, 2, NO_VALUE])
region.delete_multi(['a', 'b'])
same(region.get('a'), NO_VALUE)
# A value that is older than that is made anew.
until(lambda: region.get('k', expiration_time=0.1) is NO_VALUE)
restart()
same(region.get('k'), BYTES)
same(region.get_or_create('k', lambda: 'other'), BYTES)
