import { CacheModule } from '@app/cache';
import { HttpClientModule } from '@app/resilience';
import { ServiceModule } from '@app/service';
import { Module } from '@nestjs/common';
import { CatalogueController } from './catalogue.controller.js';
import { CatalogueService } from './catalogue.service.js';
import { CheckoutController } from './checkout.controller.js';
import { OrdersClient } from './orders.client.js';
import { type StorefrontConfig, storefrontConfig } from './storefront.config.js';

@Module({
  imports: [
    ServiceModule.forRoot({ config: storefrontConfig }),
    CacheModule.registerAsync({
      inject: [storefrontConfig.KEY],
      useFactory: (config: StorefrontConfig) => config.cache,
    }),
    HttpClientModule.registerAsync({
      client: OrdersClient,
      // Without it products come stale from the cache.
      hasFallback: true,
      inject: [storefrontConfig.KEY],
      useFactory: (config: StorefrontConfig) => config.orders,
    }),
  ],
  controllers: [CatalogueController, CheckoutController],
  providers: [CatalogueService],
})
export class AppModule {}
