import { PostgresModule } from '@app/postgres';
import { HttpClientModule } from '@app/resilience';
import { ServiceModule } from '@app/service';
import { Module } from '@nestjs/common';
import { OrdersController } from './orders/orders.controller.js';
import { OrdersService } from './orders/orders.service.js';
import { OrdersWorker } from './orders/orders.worker.js';
import { type OrdersConfig, ordersConfig } from './orders.config.js';
import { PaymentsClient } from './payments.client.js';
import { ProductsController } from './products/products.controller.js';
import { ProductsService } from './products/products.service.js';

@Module({
  imports: [
    ServiceModule.forRoot({ config: ordersConfig, trustInboundHeaders: true }),
    PostgresModule.registerAsync({
      inject: [ordersConfig.KEY],
      useFactory: (config: OrdersConfig) => config.postgres,
      requiresTable: 'orders',
    }),
    HttpClientModule.registerAsync({
      client: PaymentsClient,
      // Without an answer an order stays pending, and the worker asks again.
      hasFallback: true,
      inject: [ordersConfig.KEY],
      useFactory: (config: OrdersConfig) => config.payments,
    }),
  ],
  controllers: [OrdersController, ProductsController],
  providers: [OrdersService, OrdersWorker, ProductsService],
})
export class AppModule {}
