import * as payments from './0001-payments.js';

/** In the order of their names. A migration that has run somewhere is never changed. */
export const migrations = { '0001-payments': payments };
