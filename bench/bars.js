/** What is promised of our whole service, in one run: at least `bar`, and better `aim`. */
const inboundBars = [
  { what: 'requests/s of bare, every request logged', route: 'order', of: 'ours', to: 'bare', bar: 0.4, aim: 0.5 },
  { what: 'requests/s of bare, 10 % logged', route: 'order', of: 'ours-logs-10', to: 'bare', bar: 0.6, aim: 0.72 },
  { what: 'times the usual Fastify stack', route: 'order', of: 'ours', to: 'usual-fastify', bar: 2, aim: 2.7 },
  { what: 'times the usual Express stack', route: 'order', of: 'ours', to: 'usual-express', bar: 5, aim: 7 },
  { what: 'outbound route, of bare with bare axios', route: 'payment', of: 'ours', to: 'bare', bar: 0.9, aim: 1.2 },
];

const outboundBars = [
  { what: 'times bare axios, 50 calls at once', calls: 50, bar: 2, aim: 2.8 },
  { what: 'times bare axios, one call at a time', calls: 1, bar: 1.2, aim: 1.4 },
];

const policyBars = [
  { what: 'a call, of cockatiel, at most', cost: ({ ns }) => ns.median, to: 'cockatiel', bar: 0.1, aim: 0.06 },
  { what: 'a call, of opossum, at most', cost: ({ ns }) => ns.median, to: 'opossum', bar: 0.35, aim: 0.25 },
  ...['cockatiel', 'opossum'].map((to) => ({
    what: `a rejection, of ${to}, at most`,
    cost: ({ rejectionNs }) => rejectionNs.median,
    to,
    bar: 0.4,
    aim: 0.25,
  })),
];

/** The bars that this run says something about. */
export function judge({ inbound, outbound, policies, balancers, start }) {
  const named = (rows, name) => rows?.find((row) => row.name === name);
  const bars = [
    ...inboundBars.map(({ route, of, to, ...bar }) => {
      const [own, other] = [of, to].map((name) => named(inbound[route], name)?.ratio.median);
      return atLeast(bar, own / other);
    }),
    ...outboundBars.map(({ calls, ...bar }) => atLeast(bar, named(outbound[calls], 'ours')?.ratio.median)),
  ];
  const ours = named(policies, 'ours');
  if (ours) {
    for (const { cost, to, ...bar } of policyBars) bars.push(atMost(bar, cost(ours) / cost(named(policies, to))));
    bars.push(
      atMost({ what: 'bytes of heap for a breaker, at most', bar: 1_024, aim: 600 }, ours.breakerBytes),
      atMost({ what: 'timers of 10,000 calls in flight, at most', bar: 2, aim: 1 }, ours.inFlightTimers),
    );
  }
  const chosen = named(balancers, 'peak-ewma');
  if (chosen) {
    bars.push(
      atMost({ what: 'ns to pick one of 1,000 endpoints, at most', bar: 1_000, aim: 250 }, chosen.ns.median),
      atMost({ what: 'bytes of heap for it, with its record, at most', bar: 64, aim: 8 }, chosen.bytes.median),
      atLeast({ what: 'of its pace, beside 100 updates a second', bar: 0.9, aim: 0.95 }, chosen.ratio.median),
    );
  }
  const [own, bare] = ['ours', 'bare'].map((name) => named(start, name));
  if (own && bare) {
    bars.push(
      atMost({ what: 'times the start of bare, at most', bar: 1.7, aim: 1.4 }, own.ratio.median),
      atMost(
        { what: 'MB of idle memory over bare, at most', bar: 40, aim: 30 },
        own.megabytes.median - bare.megabytes.median,
      ),
    );
  }
  return bars.filter(({ value }) => value > -Infinity);
}

const atLeast = (bar, value) => ({ ...bar, value, met: value >= bar.bar, reached: value >= bar.aim });
const atMost = (bar, value) => ({ ...bar, value, met: value <= bar.bar, reached: value <= bar.aim });
