const skus = ['keel', 'anchor', 'compass', 'lantern'];

/** How often each kind of request comes, of a hundred. Most payments are declined, so that the stock lasts. */
const mix = [
  [50, () => get('/products')],
  [25, (random) => get(`/products/${pick(skus, random)}`)],
  [3, () => get('/products/no-such-thing')],
  [10, (random) => checkout(random, 'card-declined')],
  [2, (random) => checkout(random, 'card')],
  [10, () => lastOrder()],
];

/** A sequence of requests that is the same for the same seed. Each connection goes through it again and again. */
export function requests(seed, count = 500) {
  const random = mulberry32(seed);
  // An order must have been placed before it can be asked for.
  return [checkout(random, 'card-declined'), ...Array.from({ length: count - 1 }, () => draw(random))];
}

function draw(random) {
  const kinds = mix.flatMap(([weight, kind]) => Array.from({ length: weight }, () => kind));
  return pick(kinds, random)(random);
}

const get = (path) => ({ method: 'GET', path });

function checkout(random, paymentMethod) {
  const items = [{ sku: pick(skus, random), quantity: 1 + Math.floor(random() * 3) }];
  return {
    method: 'POST',
    path: '/checkout',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ items, paymentMethod }),
    onResponse: (status, body, context) => {
      if (status < 300) context.order = JSON.parse(body).id;
    },
  };
}

/** The order that this connection placed last. Where none could be placed, products instead. */
function lastOrder() {
  return {
    method: 'GET',
    path: '/products',
    setupRequest: (request, context) => (context.order ? { ...request, path: `/orders/${context.order}` } : request),
  };
}

const pick = (list, random) => list[Math.floor(random() * list.length)];

/** A small generator of pseudo-random numbers. @see https://github.com/bryc/code/blob/master/jshash/PRNGs.md#mulberry32 */
function mulberry32(seed) {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
