import type { AttemptEvent } from '@app/resilience';
import { catalogue, registry } from '@app/telemetry';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { ResilienceTelemetry } from './resilience.telemetry.js';

const attempt: AttemptEvent = {
  type: 'attempt',
  client: 'payments',
  method: 'POST',
  serverAddress: 'payments.internal',
  serverPort: 3002,
  durationMs: 250,
};

/** What the metric says, without its buckets. */
async function observed(): Promise<string[]> {
  const text = await registry.getSingleMetricAsString(catalogue.httpClientRequestDuration.name);
  return text.split('\n').filter((line) => /^\w+_(sum|count)/.test(line));
}

describe('ResilienceTelemetry', () => {
  beforeEach(() => registry.clear());

  it.each([
    ['answered', { statusCode: 201 }, '201', ''],
    ['answered with an error', { statusCode: 503 }, '503', '503'],
    ['not answered', { errorType: 'ETIMEDOUT' }, '', 'ETIMEDOUT'],
  ])('observes an attempt that was %s, in seconds', async (_what, outcome, status, errorType) => {
    new ResilienceTelemetry().emit({ ...attempt, ...outcome });
    const labels = [
      'client="payments"',
      'http_request_method="POST"',
      `http_response_status_code="${status}"`,
      'server_address="payments.internal"',
      'server_port="3002"',
      `error_type="${errorType}"`,
    ].join(',');
    expect(await observed()).toEqual([
      `http_client_request_duration_seconds_sum{${labels}} 0.25`,
      `http_client_request_duration_seconds_count{${labels}} 1`,
    ]);
  });

  it('keeps clients apart', async () => {
    const telemetry = new ResilienceTelemetry();
    for (const client of ['payments', 'orders', 'payments']) telemetry.emit({ ...attempt, client, statusCode: 200 });
    const counts = (await observed()).filter((line) => line.includes('_count'));
    expect(counts).toEqual([
      expect.stringMatching(/client="payments".* 2$/),
      expect.stringMatching(/client="orders".* 1$/),
    ]);
  });
});
