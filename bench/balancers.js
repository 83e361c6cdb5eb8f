import { InstanceBalancer } from '@app/discovery';

/** Nobody hears of these; they are told all the same. */
const events = { ejected() {}, removed() {} };

/**
 * Who is compared by `pnpm bench discovery`: how each picks one of a list of endpoints, hears how its call went, and gets a new list.
 * The first is the least that can be done.
 */
export const balancers = [
  { name: 'plain', title: 'an index that goes round', create: plain },
  { name: 'round-robin', title: 'our balancer, round robin', create: () => ours('round-robin') },
  { name: 'peak-ewma', title: 'our balancer, the better of two', create: () => ours('peak-ewma') },
];

function plain() {
  let list = [];
  let turn = 0;
  return { update: (endpoints) => (list = endpoints), pick: () => list[turn++ % list.length], record() {} };
}

function ours(balancer) {
  const ejection = { failures: 5, ms: 10_000, maxMs: 300_000 };
  return new InstanceBalancer(
    'http',
    { balancer, decayMs: 5_000, warmUpMs: 10_000, zone: undefined, ejection },
    events,
  );
}
