import { Controller, Get, Param } from '@nestjs/common';
import axios from 'axios';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { findRow, type Tables } from './tables.js';

/** The routes that are measured, written as one writes them without this house: axios and kysely on a Postgres pool, with their defaults. */
@Controller('orders')
export class OrdersController {
  private readonly payments = axios.create({ baseURL: process.env.PAYMENTS_URL });
  private readonly db = new Kysely<Tables>({
    dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: process.env.DATABASE_URL }) }),
  });

  @Get(':id')
  find(@Param('id') id: string) {
    return { id, status: 'paid', total: { amount: 4200, currency: 'EUR' } };
  }

  @Get(':id/payment')
  async payment(@Param('id') id: string) {
    return (await this.payments.get(`/payments/${id}`)).data;
  }

  @Get(':id/row')
  row(@Param('id') id: string) {
    return findRow(this.db, id);
  }
}
