import { pino } from 'pino';
import { serve } from './plain.js';

const logger = pino({ base: { service: 'bench' }, timestamp: pino.stdTimeFunctions.isoTime });

/** One line for each request, from one hook. */
await serve((fastify) => {
  fastify.addHook('onResponse', (request, reply, done) => {
    logger.info(
      {
        'http.request.method': request.method,
        'http.route': request.routeOptions.url,
        'url.path': request.url,
        'http.response.status_code': reply.statusCode,
        duration_ms: reply.elapsedTime,
      },
      'request completed',
    );
    done();
  });
});
