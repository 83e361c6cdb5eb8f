import { type OutboxHandler, OutboxWorker } from '@app/postgres';
import { Inject, Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import { PinoLogger } from 'nestjs-pino';
import { type OrdersConfig, ordersConfig } from '../orders.config.js';
import type { OrdersTables } from '../orders.tables.js';
import { OrdersService } from './orders.service.js';

/** Settles orders that stayed pending, and tells the world of those that are settled. */
@Injectable()
export class OrdersWorker extends OutboxWorker {
  constructor(
    db: Kysely<OrdersTables>,
    @Inject(ordersConfig.KEY) config: OrdersConfig,
    private readonly orders: OrdersService,
    private readonly logger: PinoLogger,
  ) {
    super(db as unknown as ConstructorParameters<typeof OutboxWorker>[0], config.outbox);
  }

  protected readonly handlers: Record<string, OutboxHandler> = {
    'order.placed': async ({ orderId }) => {
      await this.orders.settle(String(orderId));
    },
    'order.paid': (payload) => this.announce('paid', payload),
    'order.declined': (payload) => this.announce('declined', payload),
  };

  /** A broker would stand here. Consumers must expect an announcement twice. */
  private async announce(status: 'paid' | 'declined', { orderId }: Record<string, unknown>): Promise<void> {
    this.logger.info({ order: orderId, status }, 'order announced');
  }
}
