import { type AttemptEvent, ResilienceClients, type ResilienceEvent, ResilienceEvents } from '@app/resilience';
import { BoundHistogram, catalogue, counter, gauge, logger } from '@app/telemetry';
import { Injectable } from '@nestjs/common';
import { trace } from '@opentelemetry/api';

type Attempts = BoundHistogram<typeof catalogue.httpClientRequestDuration>;

const states = ['closed', 'open', 'half-open', 'forced-open', 'forced-closed'] as const;

/** The one listener of what resilience reports: it makes metrics, span events and log lines of it. */
@Injectable()
export class ResilienceTelemetry extends ResilienceEvents {
  /** A client has one address, so its series are bound for each client. */
  private readonly attempts = new Map<string, Attempts>();
  private readonly deadlines = counter(catalogue.deadlinesExceeded);
  private readonly calls = counter(catalogue.resilienceCalls);
  private readonly retries = counter(catalogue.resilienceRetries);
  private readonly refusedRetries = counter(catalogue.resilienceRetriesRefused);
  private readonly fallbacks = counter(catalogue.resilienceFallbacks);
  private readonly shed = counter(catalogue.requestsShed);
  private readonly transitions = counter(catalogue.circuitBreakerTransitions);
  private readonly log = logger.child({ context: 'Resilience' });

  constructor(clients: ResilienceClients) {
    super();
    // Read at each scrape: what is a state, not an event.
    gauge(catalogue.circuitBreakerState, (metric) => {
      for (const [client, { breaker }] of clients) {
        for (const state of states) if (breaker) metric.set({ client, state }, breaker.state.kind === state ? 1 : 0);
      }
    });
    gauge(catalogue.bulkheadCalls, (metric) => {
      for (const [client, { bulkhead }] of clients) {
        if (!bulkhead) continue;
        metric.set({ client, state: 'in_use' }, bulkhead.inUse);
        metric.set({ client, state: 'queued' }, bulkhead.queued);
      }
    });
    gauge(catalogue.retryBudget, (metric) => {
      for (const [client, { retry }] of clients) if (retry) metric.set({ client }, retry.budget.level);
    });
  }

  emit(event: ResilienceEvent): void {
    switch (event.type) {
      case 'attempt':
        this.attempt(event);
        break;
      case 'call':
        this.calls.inc({ client: event.client, outcome: event.outcome });
        if (event.outcome === 'deadline_exceeded') this.deadlines.inc({ place: event.client });
        break;
      case 'retry': {
        const { client, reason, delayMs } = event;
        this.retries.inc({ client, reason });
        trace.getActiveSpan()?.addEvent('retry', { client, reason, delay_ms: delayMs });
        break;
      }
      case 'retry_refused': {
        const { client, reason } = event;
        this.refusedRetries.inc({ client, reason });
        trace.getActiveSpan()?.addEvent('retry refused', { client, reason });
        break;
      }
      case 'fallback': {
        const { type, known, ...what } = event;
        const { client, kind } = what;
        this.fallbacks.inc({ client, kind });
        trace.getActiveSpan()?.addEvent('fallback', what);
        // One line for each call that failed; what stands in until the next one is counted only.
        if (!known) this.log.warn(what, `fallback for ${client}: ${kind}`);
        break;
      }
      case 'shed': {
        const { priority, reason } = event;
        this.shed.inc({ priority, reason });
        trace.getActiveSpan()?.addEvent('shed', { priority, reason });
        break;
      }
      case 'shedding': {
        const { active, limit, refusals } = event;
        if (active) this.log.warn({ limit }, 'too many requests: some are refused');
        else this.log.info({ limit, refusals }, 'no more requests are refused');
        break;
      }
      case 'transition': {
        const { type, ...what } = event;
        const { client, from, to } = what;
        this.transitions.inc({ client, from, to });
        trace.getActiveSpan()?.addEvent('circuit breaker', { client, from, to });
        this.log[to === 'open' ? 'warn' : 'info'](what, `circuit breaker of ${client}: ${from} to ${to}`);
      }
    }
  }

  private attempt(event: AttemptEvent): void {
    const { serverAddress, method, statusCode, errorType, durationMs } = event;
    const span = trace.getActiveSpan()?.spanContext();
    this.attemptsOf(event).observe(
      serverAddress,
      method,
      statusCode ?? errorType ?? 'unknown',
      durationMs / 1000,
      span,
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
