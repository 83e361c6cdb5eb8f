import type { ServerOptions } from 'node:http';
import type { ServiceConfig } from '../config/service.env.js';

/** How often Node looks for requests that are late; the default is 30 seconds. */
const checkEveryMs = 1_000;

/** Node takes the longer of its two limits for both parts of a request, and by default its headers may take a minute. */
export function requestTimeouts({ requestTimeoutMs }: ServiceConfig): ServerOptions {
  return { headersTimeout: requestTimeoutMs, connectionsCheckingInterval: Math.min(checkEveryMs, requestTimeoutMs) };
}
