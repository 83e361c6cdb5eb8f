import * as orders from './0001-orders.js';

/** In the order of their names. A migration that has run somewhere is never changed. */
export const migrations = { '0001-orders': orders };
