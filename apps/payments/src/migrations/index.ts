import * as payments from './0001-payments.js';
import * as idempotency from './0002-idempotency.js';

/** In the order of their names. A migration that has run somewhere is never changed. */
export const migrations = { '0001-payments': payments, '0002-idempotency': idempotency };
