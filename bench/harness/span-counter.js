import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';

/** A collector that takes what contestants export over OTLP (HTTP, protobuf), each below a path of its own, and counts the spans. */
export async function startSpanCounter() {
  const spans = new Map();
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    const sender = request.url.replace(/\/v1\/traces$/, '');
    spans.set(sender, (spans.get(sender) ?? 0) + countSpans(body));
    response.setHeader('content-type', 'application/x-protobuf').end();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpointOf: (name) => `http://127.0.0.1:${server.address().port}/${name}`,
    spansOf: (name) => spans.get(`/${name}`) ?? 0,
    stop() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

/**
 * ExportTraceServiceRequest { repeated ResourceSpans = 1 { repeated ScopeSpans = 2 { repeated Span = 2 } } }
 * @see https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/collector/trace/v1/trace_service.proto
 */
function countSpans(message) {
  let spans = 0;
  for (const resourceSpans of fields(message, 1))
    for (const scopeSpans of fields(resourceSpans, 2)) spans += [...fields(scopeSpans, 2)].length;
  return spans;
}

/** The fields of that number. These messages have only length-delimited ones. @see https://protobuf.dev/programming-guides/encoding/ */
function* fields(message, number) {
  for (let at = 0; at < message.length; ) {
    const tag = varint(message, at);
    const length = varint(message, tag.end);
    at = length.end + length.value;
    if (tag.value >> 3 === number) yield message.subarray(length.end, at);
  }
}

function varint(message, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7, at += 1) {
    value |= (message[at] & 0x7f) << shift;
    if (message[at] < 0x80) return { value, end: at + 1 };
  }
}
