import { IdempotencyModule, PostgresModule } from '@app/postgres';
import { ServiceModule } from '@app/service';
import { Module } from '@nestjs/common';
import { type PaymentsConfig, paymentsConfig } from './payments.config.js';
import { PaymentsController } from './payments.controller.js';
import { PaymentsService } from './payments.service.js';

@Module({
  imports: [
    ServiceModule.forRoot({ config: paymentsConfig, trustInboundHeaders: true }),
    PostgresModule.registerAsync({
      inject: [paymentsConfig.KEY],
      useFactory: (config: PaymentsConfig) => config.postgres,
      requiresTable: 'payments',
    }),
    IdempotencyModule.registerAsync({
      inject: [paymentsConfig.KEY],
      useFactory: (config: PaymentsConfig) => config.idempotency,
    }),
  ],
  controllers: [PaymentsController],
  providers: [PaymentsService],
})
export class AppModule {}
