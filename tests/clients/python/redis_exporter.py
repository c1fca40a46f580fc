"""The exporter of Redis' figures for Prometheus: it finds what its dashboards show."""

import socket
import subprocess
import urllib.request

import redis

from common import BYTES, PORT, URL, between, restart, same, until


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as listener:
        return listener.getsockname()[1]


def metrics(address):
    """Returns the metrics by their names with labels, or none while the exporter starts."""
    try:
        with urllib.request.urlopen(f'http://{address}/metrics', timeout=10) as page:
            lines = page.read().decode().splitlines()
    except OSError:
        return {}
    pairs = (line.rsplit(' ', 1) for line in lines if line and not line.startswith('#'))
    return {name: float(value) for name, value in pairs}


def look(address):
    r = redis.Redis(port=PORT)
    same(r.set('k', BYTES, ex=1000), True)
    same(r.get('k'), BYTES)
    same(r.get('none'), None)
    until(lambda: metrics(address).get('redis_up') == 1)
    found = metrics(address)
    for name, low, high in [
        ('redis_memory_used_bytes', 1, 1 << 40),
        ('redis_uptime_in_seconds', 0, 100),
        ('redis_connected_clients', 1, 10),
        ('redis_config_maxclients', 1, 1 << 20),
        ('redis_commands_processed_total', 3, 1000),
        ('redis_keyspace_hits_total', 1, 100),
        ('redis_keyspace_misses_total', 1, 100),
        ('redis_net_input_bytes_total', 1, 1 << 20),
        ('redis_net_output_bytes_total', 1, 1 << 20),
        ('redis_process_id', 1, 1 << 32),
        ('redis_slowlog_length', 0, 100),
        ('redis_db_keys{db="db0"}', 1, 1),
        ('redis_db_keys_expiring{db="db0"}', 1, 1),
        ('redis_commands_total{cmd="get"}', 2, 100),
        ('redis_commands_duration_seconds_total{cmd="get"}', 0, 100),
        ('redis_key_size{db="db0",key="k"}', 256, 256),
        ('redis_exporter_last_scrape_error{err=""}', 0, 0),
    ]:
        if name not in found:
            raise AssertionError(f'no {name} among {len(found)}: {sorted(found)}')
        between(low, found[name], high)
    same([found['redis_up'], len(found) > 150], [1, True])
    same(any(name.startswith('redis_instance_info{') for name in found), True)


address = f'127.0.0.1:{free_port()}'
command = [
    'prometheus-redis-exporter', '-redis.addr', URL, '-web.listen-address', address,
    '-check-single-keys', 'db0=k', '-include-system-metrics']
exporter = subprocess.Popen(command)
try:
    look(address)
    restart()
    look(address)
finally:
    exporter.kill()
