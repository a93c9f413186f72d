"""metrics_check.py TOOLS BIN RUN DIR: what tools/export-metrics and monitor --metrics-port write, as the real tensorboard and
prometheus_client read it."""
import json, math, subprocess, sys, urllib.request
from prometheus_client.parser import text_string_to_metric_families
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader, LegacyEventFileLoader

tools, binary, run, out = sys.argv[1:]
subprocess.run([f'{tools}/export-metrics', '-q', 'tensorboard', run, '-o', out], check=True)
want = {}
for line in open(f'{run}/metrics.jsonl'):
    o = json.loads(line)
    group = 'train' if o['type'] == 'step' else o['type']
    for key, v in o.items():
        if isinstance(v, (int, float)) and not isinstance(v, bool) and key != 'step':
            name = f'{group}/{o["name"]}/{key}' if 'name' in o else f'{group}/{key}'
            want[name, o['step']] = v
got = {}
path = f'{out}/{run.rstrip("/").split("/")[-1]}/events.out.tfevents.1.tritter'
for event in LegacyEventFileLoader(path).Load():
    for v in event.summary.value:
        got[v.tag, event.step] = v.simple_value
assert len(want) > 100, len(want)
assert set(got) == set(want), set(got) ^ set(want)
for k, v in want.items():
    assert math.isclose(got[k], v, rel_tol=1e-6, abs_tol=1e-38), (k, got[k], v)
print(f'tensorboard: {len(got)} scalars read back, all equal')

monitor = subprocess.Popen([f'{binary}/monitor', '--headless', '--metrics-port', '0', run], stderr=subprocess.PIPE, text=True)
try:
    address = next(l for l in monitor.stderr if 'http://' in l).split()[-1]
    reply = urllib.request.urlopen(address)
    assert reply.headers['Content-Type'].startswith('text/plain; version=0.0.4')
    families = {f.name: f for f in text_string_to_metric_families(reply.read().decode())}
finally:
    monitor.terminate()
    code = monitor.wait(20)
assert code == 128 + 15, code
last = max(s for (tag, s) in want if tag == 'train/loss')
for name, key in ('loss', 'loss'), ('grad_norm', 'grad_norm'), ('lr', 'lr'), ('tokens', 'tokens'):
    sample = families[f'tritter_run_{name}'].samples[0]
    assert math.isclose(sample.value, want[f'train/{key}', last], rel_tol=1e-9), (name, sample)
assert families['tritter_run_step'].samples[0].value == last
print(f'prometheus_client: {len(families)} families read, values equal')
