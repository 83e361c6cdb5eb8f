import { type MiddlewareConsumer, Module, type NestModule } from '@nestjs/common';
import { LoggerModule } from 'nestjs-pino';
import { collectDefaultMetrics, Histogram } from 'prom-client';
import { OrdersController } from './orders.controller.js';

type Next = () => void;
interface Request {
  method: string;
  originalUrl: string;
}
interface Response {
  statusCode: number;
  on(event: 'finish', listener: () => void): void;
}

const durations = new Histogram({
  name: 'http_request_duration_seconds',
  help: 'Duration of HTTP requests in seconds.',
  labelNames: ['method', 'path', 'status_code'],
});
collectDefaultMetrics();

function measureRequests(request: Request, response: Response, next: Next): void {
  const end = durations.startTimer();
  response.on('finish', () => {
    const path = request.originalUrl.replace(/\?.*/, '').replace(/\/\d+(?=\/|$)/g, '/:id');
    end({ method: request.method, path, status_code: response.statusCode });
  });
  next();
}

/** What most services have today: nestjs-pino logs each request, a middleware observes it, and OpenTelemetry's preload traces it. */
@Module({
  // On Fastify nestjs-pino's own pattern of routes matches nothing, so its middleware is given one that matches on both.
  imports: [LoggerModule.forRoot({ forRoutes: ['*path'] })],
  controllers: [OrdersController],
})
export class UsualModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(measureRequests).forRoutes('*path');
  }
}
