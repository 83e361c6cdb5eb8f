import { randomUUID } from 'node:crypto';
import { IdempotencyKey, Priority } from '@app/service';
import { Body, Controller, Get, HttpStatus, Param, Post, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiCreatedResponse, ApiHeader, ApiOkResponse } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { OrdersClient } from './orders.client.js';
import {
  type Checkout,
  checkoutSchema,
  type Order,
  type OrderWithItems,
  orderIdSchema,
  orderSchema,
  orderWithItemsSchema,
} from './storefront.schemas.js';

@Controller()
export class CheckoutController {
  constructor(private readonly orders: OrdersClient) {}

  /** 201 when it is paid, 202 while the payment is not known yet. With a key, sending it again never orders twice. */
  @Post('checkout')
  @Priority('high')
  @ApiHeader({ name: 'Idempotency-Key', required: false })
  @ApiCreatedResponse({ standardSchema: orderSchema })
  @ApiAcceptedResponse({ standardSchema: orderSchema })
  async checkout(
    @IdempotencyKey({ required: false }) key: string | undefined,
    @Body({ schema: checkoutSchema }) body: Checkout,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Order> {
    const placed = await this.orders.place(key ?? randomUUID(), body);
    void reply.status(placed.status === 'pending' ? HttpStatus.ACCEPTED : HttpStatus.CREATED);
    return placed;
  }

  @Get('orders/:id')
  @ApiOkResponse({ standardSchema: orderWithItemsSchema })
  find(@Param('id', { schema: orderIdSchema }) id: string): Promise<OrderWithItems> {
    return this.orders.order(id);
  }
}
