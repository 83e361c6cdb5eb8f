import { HttpClient } from '@app/resilience';
import { Injectable } from '@nestjs/common';

export interface PaymentRequest {
  orderId: string;
  amount: number;
  currency: string;
  method: 'card' | 'card-declined';
}

@Injectable()
export class PaymentsClient {
  constructor(private readonly http: HttpClient) {}

  /** Asks for the order's payment. The order's id is the key, so that asking again never charges again. */
  async authorise(payment: PaymentRequest): Promise<'authorised' | 'declined'> {
    const { data } = await this.http.post<{ status: 'authorised' | 'declined' }>('/payments', payment, {
      headers: { 'Idempotency-Key': payment.orderId },
    });
    return data.status;
  }
}
