import { PostgresModule, postgresEnv } from '@app/postgres';
import { HttpClient, HttpClientModule, httpClientEnv } from '@app/resilience';
import { type ConfigOf, defineConfig, ServiceModule, serviceEnv, startService } from '@app/service';
import { Controller, Get, Injectable, Module, Param } from '@nestjs/common';
import { Kysely } from 'kysely';
import { findRow, type Tables } from './tables.js';

const config = defineConfig('bench', {
  service: serviceEnv({ port: 0, adminPort: 0 }),
  postgres: postgresEnv,
  payments: httpClientEnv('PAYMENTS'),
});
type Config = ConfigOf<typeof config>;

@Injectable()
class PaymentsClient {
  constructor(private readonly http: HttpClient) {}

  async find(id: string): Promise<unknown> {
    return (await this.http.get(`/payments/${id}`)).data;
  }
}

/** The same routes as a service of this house has them. */
@Controller('orders')
class OrdersController {
  constructor(
    private readonly payments: PaymentsClient,
    private readonly db: Kysely<Tables>,
  ) {}

  @Get(':id')
  find(@Param('id') id: string) {
    return { id, status: 'paid', total: { amount: 4200, currency: 'EUR' } };
  }

  @Get(':id/payment')
  payment(@Param('id') id: string) {
    return this.payments.find(id);
  }

  @Get(':id/row')
  row(@Param('id') id: string) {
    return findRow(this.db, id);
  }
}

@Module({
  imports: [
    ServiceModule.forRoot({ config }),
    PostgresModule.registerAsync({
      inject: [config.KEY],
      useFactory: ({ postgres }: Config) => postgres,
      requiresTable: 'orders',
    }),
    HttpClientModule.registerAsync({
      client: PaymentsClient,
      inject: [config.KEY],
      useFactory: ({ payments }: Config) => payments,
    }),
  ],
  controllers: [OrdersController],
})
class AppModule {}

await startService(AppModule);
