/**
 * The alerts for Prometheus and the dashboard for Grafana in ops/. They use metrics that exist; each alert has a remedy and
 * a unit test that fires it; each panel has a description.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse, stringify } from 'yaml';
import { skipUnlessInstalled } from '../../simulate/installed.js';
import { PACKAGE } from '../../world/program.js';

interface Rule {
  alert: string;
  expr: string;
  for?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

interface Case {
  alert_rule_test: { alertname: string; exp_alerts: unknown[] }[];
}

interface Panel {
  type: string;
  title?: string;
  description?: string;
  targets?: { expr?: string }[];
  fieldConfig?: { defaults: { unit?: string } };
}

const ALERTS = 'ops/prometheus/alerts.yaml';
const ALERTS_TEST = 'ops/prometheus/alerts.test.yaml';
const GRAFANA = 'ops/grafana/atomic-ingestor.json';
/** The suffixes of a histogram's metrics. */
const PARTS = ['_bucket', '_sum', '_count'];

const read = (path: string): string => readFileSync(join(PACKAGE, path), 'utf8');
const { groups } = parse(read(ALERTS)) as { groups: { name: string; rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);
const cases = (parse(read(ALERTS_TEST)) as { tests: Case[] }).tests.flatMap((one) => one.alert_rule_test);
const dashboard = JSON.parse(read(GRAFANA)) as { panels: Panel[]; templating: { list: { name: string }[] } };
const panels = dashboard.panels.filter(({ type }) => type !== 'row');

/** The names in the first column of the table below "## Metrics". */
function documentedMetrics(): Set<string> {
  const text = read('docs/http-api.md');
  const cells = text
    .slice(text.indexOf('\n## Metrics\n'))
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.split('|')[1]!);
  return new Set(cells.flatMap((cell) => [...cell.matchAll(/`(ingest_[a-z_]+)`/g)].map(([, name]) => name!)));
}

function promtool(...args: string[]): void {
  const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8', timeout: 300_000 });
  assert.equal(status, 0, `promtool ${args.join(' ')}\n${stdout}\n${stderr}`);
}

test('Prometheus accepts the alerts, and each fires when it should and not before', (t) => {
  if (skipUnlessInstalled(t, 'promtool', 'that Prometheus accepts the alerts, and when each of them fires')) return;
  promtool('check', 'rules', join(PACKAGE, ALERTS));
  promtool('test', 'rules', join(PACKAGE, ALERTS_TEST));
});

test('the alert of a service that was killed waits no longer than its restart takes', () => {
  const { expr, for: waits } = rules.find(({ alert }) => alert === 'IngestNobodyAtWork')!;
  assert.match(expr, /ingest_findings\{code="nobody",severity="stuck"\}/);
  assert.equal(waits, '10s');
});

test('Prometheus accepts the query of each panel of Grafana', (t) => {
  if (skipUnlessInstalled(t, 'promtool', 'that Prometheus accepts the queries of the panels of Grafana')) return;
  const asked = panels.flatMap(({ targets = [] }) => targets.map(({ expr = '' }) => expr));
  const filled = asked.map((expr) => expr.replaceAll('$__rate_interval', '5m').replaceAll(/\$\w+/g, 'x'));
  const records = filled.map((expr, at) => ({ record: `panel:${at}`, expr }));
  const folder = mkdtempSync(join(tmpdir(), 'ingest-operations-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'panels.yaml');
  writeFileSync(path, stringify({ groups: [{ name: 'panels', rules: records }] }));
  promtool('check', 'rules', path);
});

test('alerts and panels use documented metrics only', () => {
  const documented = documentedMetrics();
  assert.ok(documented.size >= 15, `${documented.size} metrics are documented`);
  const histogram = [...documented].filter((name) => name.endsWith('_duration_seconds'));
  const known = new Set([...documented, ...histogram.flatMap((name) => PARTS.map((part) => name + part))]);
  for (const path of [ALERTS, ALERTS_TEST, GRAFANA]) {
    const named = new Set([...read(path).matchAll(/ingest_[a-z_]+/g)].map(([name]) => name));
    assert.ok(named.size >= 10, `${path} names ${named.size} metrics`);
    const unknown = [...named].filter((name) => !known.has(name));
    assert.deepEqual(unknown, [], path);
  }
});

test('each alert has a severity, a trouble and a remedy; one test fires it, another one does not', () => {
  assert.deepEqual(
    groups.map(({ name }) => name),
    ['atomic-ingestor'],
  );
  assert.ok(rules.length >= 14, `${rules.length} alerts`);
  assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length, 'each name is used once');
  for (const { alert, for: lasting, labels, annotations } of rules) {
    assert.match(alert, /^Ingest[A-Z][A-Za-z]+$/);
    assert.match(lasting ?? '', /^[1-9]\d*[smh]$/, alert);
    assert.match(labels?.severity ?? '', /^(page|ticket)$/, alert);
    assert.match(annotations?.summary ?? '', /\S/, alert);
    assert.match(annotations?.description ?? '', /queue-stat|ingest-ctl/, `${alert} names no command`);
    const counts = cases.filter(({ alertname }) => alertname === alert).map((one) => one.exp_alerts.length);
    assert.ok(
      counts.some((count) => count > 0),
      `no test of ${ALERTS_TEST} fires ${alert}`,
    );
    assert.ok(counts.includes(0), `no test of ${ALERTS_TEST} is without ${alert}`);
  }
  const names = new Set(rules.map(({ alert }) => alert));
  const gone = cases.map(({ alertname }) => alertname).filter((name) => !names.has(name));
  assert.deepEqual(gone, [], 'a test of an alert that does not exist');
});

test('each panel of Grafana has a title, a description, a unit and a query', () => {
  assert.ok(panels.length >= 10, `${panels.length} panels`);
  for (const { title = '', description = '', targets = [], fieldConfig } of panels) {
    assert.match(title, /\S/);
    assert.match(description, /\S.*\.$/, title);
    assert.match(fieldConfig?.defaults.unit ?? '', /\S/, title);
    assert.ok(targets.length > 0, title);
    for (const { expr = '' } of targets) assert.match(expr, /ingest_/, title);
  }
  const variables = dashboard.templating.list.map(({ name }) => name);
  for (const [, name] of read(GRAFANA).matchAll(/\$\{?([a-zA-Z]\w+)/g))
    assert.ok(variables.includes(name!), `$${name} is no variable of the dashboard`);
});
