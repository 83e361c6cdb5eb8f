/** What is promised of our whole service, in one run: at least `bar`, and better `aim`. */
const inboundBars = [
  { what: 'requests/s of bare, every request logged', route: 'order', of: 'ours', to: 'bare', bar: 0.4, aim: 0.5 },
  { what: 'requests/s of bare, 10 % logged', route: 'order', of: 'ours-logs-10', to: 'bare', bar: 0.6, aim: 0.72 },
  { what: 'times the usual Fastify stack', route: 'order', of: 'ours', to: 'usual-fastify', bar: 2, aim: 2.7 },
  { what: 'times the usual Express stack', route: 'order', of: 'ours', to: 'usual-express', bar: 5, aim: 7 },
  { what: 'outbound route, of bare with bare axios', route: 'payment', of: 'ours', to: 'bare', bar: 0.9, aim: 1.2 },
];

/** The bars that this run says something about. */
export function judge({ inbound = {}, start = [] }) {
  const bars = inboundBars.flatMap(({ what, route, of, to, bar, aim }) => {
    const [own, other] = [of, to].map((name) => inbound[route]?.find((row) => row.name === name)?.ratio.median);
    return own && other
      ? [{ what, value: own / other, bar, aim, met: own / other >= bar, reached: own / other >= aim }]
      : [];
  });
  const [ours, bare] = ['ours', 'bare'].map((name) => start.find((row) => row.name === name));
  if (!ours || !bare) return bars;
  const atMost = (what, value, bar, aim) => ({ what, value, bar, aim, met: value <= bar, reached: value <= aim });
  return [
    ...bars,
    atMost('times the start of bare, at most', ours.ratio.median, 1.7, 1.4),
    atMost('MB of idle memory over bare, at most', ours.megabytes.median - bare.megabytes.median, 40, 30),
  ];
}
