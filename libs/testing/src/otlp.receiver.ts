import { createServer, type Server } from 'node:http';
import { json } from 'node:stream/consumers';

/** A span as a service exported it. */
export interface ReceivedSpan {
  service: string;
  traceId: string;
  spanId: string;
  parentSpanId: string;
  name: string;
  /** 1 internal, 2 server, 3 client, 4 producer, 5 consumer. @see https://opentelemetry.io/docs/specs/otlp/ */
  kind: number;
  attributes: Record<string, unknown>;
  links: { traceId: string; spanId: string }[];
  events: { name: string }[];
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  statusCode: number;
}

/** Takes what services export over OTLP (HTTP, JSON) and keeps it. */
export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = [];

  private constructor(
    private readonly server: Server,
    readonly endpoint: string,
  ) {}

  static async start(): Promise<OtlpReceiver> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const receiver = new OtlpReceiver(server, `http://127.0.0.1:${port}`);
    server.on('request', async (request, response) => {
      receiver.take((await json(request)) as ExportRequest);
      response.setHeader('content-type', 'application/json').end('{}');
    });
    return receiver;
  }

  /** The environment that makes a service export here, soon and everything. */
  get env(): Record<string, string> {
    return {
      OTEL_EXPORTER_OTLP_ENDPOINT: this.endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_BSP_SCHEDULE_DELAY: '100',
    };
  }

  trace(traceId: string): ReceivedSpan[] {
    return this.spans.filter((span) => span.traceId === traceId);
  }

  stop(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  private take({ resourceSpans = [] }: ExportRequest): void {
    for (const { resource, scopeSpans } of resourceSpans) {
      const service = String(toObject(resource.attributes)['service.name']);
      for (const { spans } of scopeSpans) {
        for (const { status, parentSpanId = '', links = [], events = [], attributes, ...span } of spans) {
          this.spans.push({
            ...span,
            service,
            parentSpanId,
            links,
            events,
            attributes: toObject(attributes),
            statusCode: status?.code ?? 0,
          });
        }
      }
    }
  }
}

type Attribute = { key: string; value: Record<string, unknown> };
type ExportedSpan = Omit<
  ReceivedSpan,
  'service' | 'attributes' | 'statusCode' | 'parentSpanId' | 'links' | 'events'
> & {
  attributes: Attribute[];
  status?: { code?: number };
  parentSpanId?: string;
  links?: ReceivedSpan['links'];
  events?: ReceivedSpan['events'];
};
interface ExportRequest {
  resourceSpans?: { resource: { attributes: Attribute[] }; scopeSpans: { spans: ExportedSpan[] }[] }[];
}

function toObject(attributes: Attribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
