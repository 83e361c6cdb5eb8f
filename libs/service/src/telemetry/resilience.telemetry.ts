import { type AttemptEvent, type ResilienceEvent, ResilienceEvents } from '@app/resilience';
import { BoundHistogram, catalogue } from '@app/telemetry';
import { trace } from '@opentelemetry/api';

type Attempts = BoundHistogram<typeof catalogue.httpClientRequestDuration>;

/** The one listener of what resilience reports: it makes metrics of it. */
export class ResilienceTelemetry extends ResilienceEvents {
  /** A client has one address, so its series are bound for each client. */
  private readonly attempts = new Map<string, Attempts>();

  emit(event: ResilienceEvent): void {
    const { serverAddress, method, statusCode, errorType, durationMs } = event;
    this.attemptsOf(event).observe(
      serverAddress,
      method,
      statusCode ?? errorType ?? 'unknown',
      durationMs / 1000,
      trace.getActiveSpan()?.spanContext(),
    );
  }

  private attemptsOf({ client, serverPort }: AttemptEvent): Attempts {
    let attempts = this.attempts.get(client);
    if (!attempts) {
      attempts = new BoundHistogram(catalogue.httpClientRequestDuration, (address, method, outcome) => ({
        client,
        http_request_method: method,
        http_response_status_code: typeof outcome === 'number' ? outcome : '',
        server_address: address,
        server_port: serverPort,
        error_type: typeof outcome === 'string' || outcome >= 400 ? outcome : '',
      }));
      this.attempts.set(client, attempts);
    }
    return attempts;
  }
}
