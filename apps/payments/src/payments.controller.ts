import { Idempotent } from '@app/postgres';
import { Priority } from '@app/service';
import { Body, Controller, Get, Param, Post } from '@nestjs/common';
import { ApiCreatedResponse, ApiHeader, ApiOkResponse } from '@nestjs/swagger';
import { type CreatePayment, createPaymentSchema, type Payment, paymentSchema } from './payments.schemas.js';
import { PaymentsService } from './payments.service.js';

@Controller('payments')
export class PaymentsController {
  constructor(private readonly payments: PaymentsService) {}

  @Post()
  @Priority('high')
  @Idempotent()
  @ApiHeader({ name: 'Idempotency-Key', required: true })
  @ApiCreatedResponse({ standardSchema: paymentSchema })
  create(@Body({ schema: createPaymentSchema }) body: CreatePayment): Promise<Payment> {
    return this.payments.authorise(body);
  }

  @Get(':id')
  @ApiOkResponse({ standardSchema: paymentSchema })
  find(@Param('id') id: string): Promise<Payment> {
    return this.payments.find(id);
  }
}
