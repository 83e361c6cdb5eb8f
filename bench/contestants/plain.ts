import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { OrdersController } from './orders.controller.js';

@Module({ controllers: [OrdersController] })
class AppModule {}

/** Serves the routes with Nest on Fastify and nothing else but the one layer that `add` puts on. */
export async function serve(add: (fastify: FastifyInstance) => void = () => {}): Promise<void> {
  const adapter = new FastifyAdapter();
  add(adapter.getInstance() as unknown as FastifyInstance);
  const app = await NestFactory.create(AppModule, adapter, { logger: false });
  await app.listen(Number(process.env.PORT), '127.0.0.1');
}
