import { IdempotencyKey, Priority, ProblemException } from '@app/service';
import { Body, Controller, Get, HttpStatus, Param, Post, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiCreatedResponse, ApiHeader, ApiOkResponse } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import {
  type CreateOrder,
  createOrderSchema,
  type Order,
  type OrderWithItems,
  orderSchema,
  orderWithItemsSchema,
} from './orders.schemas.js';
import { OrdersService } from './orders.service.js';

@Controller('orders')
export class OrdersController {
  constructor(private readonly orders: OrdersService) {}

  /** 201 when it is paid, 202 while the payment is not known yet, 402 when the card was declined. */
  @Post()
  @Priority('high')
  @ApiHeader({ name: 'Idempotency-Key', required: true })
  @ApiCreatedResponse({ standardSchema: orderSchema })
  @ApiAcceptedResponse({ standardSchema: orderSchema })
  async create(
    @IdempotencyKey() key: string,
    @Body({ schema: createOrderSchema }) body: CreateOrder,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Order> {
    const placed = await this.orders.place(key, body);
    if (placed.status === 'declined') {
      throw new ProblemException({
        status: 402,
        code: 'payment_declined',
        detail: `The card was declined; order ${placed.id} says so.`,
        extensions: { orderId: placed.id },
      });
    }
    void reply.status(placed.status === 'paid' ? HttpStatus.CREATED : HttpStatus.ACCEPTED);
    return placed;
  }

  @Get(':id')
  @ApiOkResponse({ standardSchema: orderWithItemsSchema })
  find(@Param('id') id: string): Promise<OrderWithItems> {
    return this.orders.find(id);
  }
}
