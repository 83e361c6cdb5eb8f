import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Logger } from 'nestjs-pino';
import { UsualModule } from './usual.js';

const app = await NestFactory.create(UsualModule, new FastifyAdapter(), { bufferLogs: true });
app.useLogger(app.get(Logger));
await app.listen(Number(process.env.PORT), '127.0.0.1');
