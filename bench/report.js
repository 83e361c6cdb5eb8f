import { routes } from './contestants.js';

const number = new Intl.NumberFormat('en');
const ratioOf = ({ median, low, high }) => `${median.toFixed(2)} (${low.toFixed(2)}..${high.toFixed(2)})`;

/** The whole result as people read it; the same text stands in README.md. */
export function report({ machine, control, inbound, outbound, policies, balancers, start, bars, wrong }) {
  return [
    ...Object.entries(inbound).map(([route, rows]) => `${routes[route].title}\n${inboundTable(rows)}`),
    ...Object.entries(outbound).map(([calls, rows]) => `calls to a service, ${calls} at once\n${outboundTable(rows)}`),
    ...(policies.length > 0
      ? [`a call through the policies, of work that does nothing\n${policiesTable(policies)}`]
      : []),
    ...(balancers.length > 0 ? [`choosing one of a thousand endpoints\n${balancersTable(balancers)}`] : []),
    ...(start.length > 0 ? [`start to the first answer, and idle memory\n${startTable(start)}`] : []),
    ...(bars.length > 0 ? [`what is promised\n${barsTable(bars)}`] : []),
    machine,
    ...control.map(({ what, ratio, busy, conclusive }) =>
      [
        `A/A control of ${what}: ${ratioOf(ratio)}, with the core ${Math.round(busy * 100)} % busy.`,
        conclusive
          ? 'The run says something.'
          : 'INCONCLUSIVE: outside 0.95..1.05, or below 85 %, the run says nothing. Try a quieter machine.',
      ].join(' '),
    ),
    ...wrong.map((what) => `WRONG: ${what}`),
  ].join('\n\n');
}

function inboundTable(rows) {
  return table(
    ['', 'req/s', 'of bare', 'CPU µs', 'of bare', 'core busy', 'answered', 'log lines', 'spans', 'failed'],
    rows.map((row) => [
      row.title,
      number.format(Math.round(row.perSecond)),
      ratioOf(row.ratio),
      row.cpuPerRequest.toFixed(0),
      ratioOf(row.cpuRatio),
      `${Math.round(row.busy * 100)} %`,
      ...[row.answered, row.logLines, row.spans, row.failed].map((count) => number.format(count)),
    ]),
  );
}

function outboundTable(rows) {
  return table(
    ['', 'calls/s', 'of bare axios', 'CPU µs', 'calls', 'failed'],
    rows.map((row) => [
      row.title,
      number.format(Math.round(row.perSecond)),
      ratioOf(row.ratio),
      row.cpuPerCall.toFixed(0),
      ...[row.calls, row.failed].map((count) => number.format(count)),
    ]),
  );
}

function policiesTable(rows) {
  return table(
    ['', 'ns over a bare await', 'ns when open', 'heap of one', 'timers of one', 'timers of 10,000 calls'],
    rows.map(({ title, ns, rejectionNs, bytes, timers, inFlightTimers }) => [
      title,
      ...[ns.median, rejectionNs.median].map((time) => number.format(Math.round(time))),
      `${number.format(Math.round(bytes))} B`,
      ...[timers, inFlightTimers].map((count) => number.format(count)),
    ]),
  );
}

function balancersTable(rows) {
  return table(
    ['', 'ns a pick', 'ns with its record', 'heap of both', 'pace beside 100 updates/s', 'longest wait'],
    rows.map(({ title, ns, recordedNs, bytes, ratio, longestMs }) => [
      title,
      ...[ns.median, recordedNs.median].map((time) => number.format(Math.round(time))),
      `${number.format(Math.round(bytes.median))} B`,
      ratioOf(ratio),
      `${longestMs.median.toFixed(1)} ms`,
    ]),
  );
}

function startTable(rows) {
  return table(
    ['', 'start', 'of bare', 'idle memory'],
    rows.map(({ title, ms, ratio, megabytes }) => [
      title,
      `${Math.round(ms.median)} ms`,
      ratioOf(ratio),
      `${Math.round(megabytes.median)} MB`,
    ]),
  );
}

function barsTable(bars) {
  return table(
    ['', 'here', 'bar', 'aim', ''],
    bars.map(({ what, value, bar, aim, met, reached }) => [
      what,
      value.toFixed(2),
      String(bar),
      String(aim),
      reached ? 'aim reached' : met ? 'bar met' : 'MISSED',
    ]),
  );
}

/** Markdown that is also a table on a terminal: the first column to the left, numbers to the right. */
function table(head, rows) {
  const widths = head.map((_, column) => Math.max(3, ...[head, ...rows].map((row) => row[column].length)));
  const line = (cells) =>
    `| ${cells.map((cell, column) => (column ? cell.padStart(widths[column]) : cell.padEnd(widths[column]))).join(' | ')} |`;
  const rule = widths.map((width, column) => (column ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)));
  return [line(head), line(rule), ...rows.map(line)].join('\n');
}
