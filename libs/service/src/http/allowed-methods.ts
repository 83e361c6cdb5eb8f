import type { FastifyInstance } from 'fastify';

/** Remembers the routes of a Fastify instance and answers which methods a path takes: what a 405 has to say, and Fastify does not. */
export class AllowedMethods {
  private readonly routes: { pattern: RegExp; methods: string[] }[] = [];

  constructor(fastify: FastifyInstance) {
    fastify.addHook('onRoute', ({ url, method }) => {
      if (url.includes('*')) return;
      const pattern = url
        .split(/:\w+/)
        .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
        .join('[^/]+');
      this.routes.push({ pattern: new RegExp(`^${pattern}$`), methods: [method].flat() });
    });
  }

  of(path: string): string[] {
    return [
      ...new Set(this.routes.filter(({ pattern }) => pattern.test(path)).flatMap(({ methods }) => methods)),
    ].sort();
  }
}
