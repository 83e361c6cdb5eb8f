import { Controller, Get, Param } from '@nestjs/common';
import axios from 'axios';
import pg from 'pg';

/** The routes that are measured, written as one writes them without this house: axios and a Postgres pool, with their defaults. */
@Controller('orders')
export class OrdersController {
  private readonly payments = axios.create({ baseURL: process.env.PAYMENTS_URL });
  private readonly pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });

  @Get(':id')
  find(@Param('id') id: string) {
    return { id, status: 'paid', total: { amount: 4200, currency: 'EUR' } };
  }

  @Get(':id/payment')
  async payment(@Param('id') id: string) {
    return (await this.payments.get(`/payments/${id}`)).data;
  }

  @Get(':id/row')
  async row(@Param('id') id: string) {
    const { rows } = await this.pool.query('select id, status, amount from orders where id = $1', [id]);
    return rows[0];
  }
}
