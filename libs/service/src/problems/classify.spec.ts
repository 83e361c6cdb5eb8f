import { IdempotencyError, type ResilienceCode, ResilienceError, resilienceCodes } from '@app/resilience';
import { describe, expect, it } from '@jest/globals';
import {
  BadGatewayException,
  ForbiddenException,
  HttpException,
  InternalServerErrorException,
  NotFoundException,
  PayloadTooLargeException,
  ServiceUnavailableException,
} from '@nestjs/common';
import { AxiosError } from 'axios';
import { errorCodes } from 'fastify';
import { classify } from './classify.js';
import { ProblemException } from './problem.js';

const inside = 'password of db-7 is s3cret';

describe('classify', () => {
  it('answers with what a ProblemException says', () => {
    const init = { status: 409, code: 'out_of_stock', detail: 'There is not enough keel in stock.' };
    expect(classify(new ProblemException(init))).toBe(init);
  });

  it.each([
    [new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE(), 413, 'body_too_large'],
    [new errorCodes.FST_ERR_CTP_INVALID_MEDIA_TYPE('text/xml'), 415, 'unsupported_media_type'],
    [new errorCodes.FST_ERR_CTP_INVALID_JSON_BODY(), 400, 'malformed_json'],
    [new errorCodes.FST_ERR_CTP_EMPTY_JSON_BODY(), 400, 'malformed_json'],
    [new errorCodes.FST_ERR_CTP_INVALID_CONTENT_LENGTH(), 400, 'bad_request'],
  ])('gives %s a %i', (error, status, code) => {
    const wrapped = new HttpException('as Nest wraps it', status, { cause: error });
    for (const given of [error, wrapped]) {
      expect(classify(given)).toEqual({ status, code, detail: expect.stringMatching(/^\S.*\.$/) });
    }
  });

  it.each([
    [new NotFoundException('Cannot GET /x'), 404, 'not_found', 'Cannot GET /x'],
    [new ForbiddenException('Not yours'), 403, 'forbidden', 'Not yours'],
    [new PayloadTooLargeException('Too large'), 413, 'body_too_large', 'Too large'],
    [new HttpException('A teapot', 418), 418, 'bad_request', 'A teapot'],
  ])('passes on what a %p tells the caller', (error, status, code, detail) => {
    expect(classify(error)).toEqual({ status, code, detail });
  });

  it.each([
    ['timed out', new AxiosError(inside, 'ETIMEDOUT'), 504, 'upstream_timeout'],
    ['cannot be reached', new AxiosError(inside, 'ECONNREFUSED'), 502, 'upstream_failed'],
    ['answers nonsense', new AxiosError(inside, 'ERR_BAD_RESPONSE'), 502, 'upstream_failed'],
    ['refuses', new AxiosError(inside, 'ERR_BAD_REQUEST'), 502, 'upstream_failed'],
  ])('says of a service behind us that it %s, and no more', (_what, error, status, code) => {
    const init = classify(error);
    expect(init).toMatchObject({ status, code });
    expect(JSON.stringify(init)).not.toContain('s3cret');
  });

  it.each([
    ['deadline_exceeded', 504, 'deadline_exceeded'],
    ['attempt_timeout', 504, 'deadline_exceeded'],
    ['circuit_open', 503, 'unavailable'],
    ['bulkhead_full', 503, 'unavailable'],
    ['unavailable', 503, 'unavailable'],
    ['cancelled', 503, 'unavailable'],
  ] as const)('says that a call out ended with %s, by a %i that no tier above repeats', (refusal, status, code) => {
    const init = classify(new ResilienceError({ code: refusal, client: inside, cause: new Error(inside) }));
    expect(init).toEqual({
      status,
      code,
      detail: expect.stringMatching(/^\S.*\.$/),
      headers: { 'x-envoy-overloaded': 'true' },
    });
    expect(JSON.stringify(init)).not.toContain('s3cret');
  });

  it('has an answer for each code of resilience', () => {
    for (const code of Object.keys(resilienceCodes) as ResilienceCode[]) {
      expect(classify(new ResilienceError({ code, client: 'payments' })).status).toBeGreaterThanOrEqual(503);
    }
  });

  it.each([
    [0, '1'],
    [1, '1'],
    [1_000, '1'],
    [1_001, '2'],
    [59_999.5, '60'],
  ])('says in whole seconds when it is worth trying again: %d ms', (retryAfterMs, seconds) => {
    const { headers } = classify(new ResilienceError({ code: 'circuit_open', client: 'payments', retryAfterMs }));
    expect(headers).toEqual({ 'retry-after': seconds, 'x-envoy-overloaded': 'true' });
  });

  it.each([
    ['idempotency_key_missing', 400],
    ['idempotency_key_invalid', 400],
    ['idempotency_key_reused', 422],
  ] as const)('says what is wrong with a key: %s', (code, status) => {
    const { message } = new IdempotencyError(code);
    const errors = [{ path: 'Idempotency-Key', message }];
    expect(classify(new IdempotencyError(code))).toEqual({ status, code, detail: message, errors, headers: {} });
  });

  it('lets a tier above come again for the answer to a key', () => {
    const { status, headers } = classify(new IdempotencyError('idempotency_key_busy', 1_000));
    expect([status, headers]).toEqual([503, { 'retry-after': '1' }]);
  });

  it.each(['ETIMEDOUT', 'ECONNRESET', 'ERR_BAD_RESPONSE'])(
    'passes on that retries were spent on what failed with %s, and only then',
    (code) => {
      const error = new AxiosError(inside, code);
      expect(classify(error).headers).toBeUndefined();
      Object.assign(error, { overloaded: true });
      expect(classify(error).headers).toEqual({ 'x-envoy-overloaded': 'true' });
    },
  );

  it.each([
    [new InternalServerErrorException(inside), 500, 'internal'],
    [new ServiceUnavailableException(inside), 503, 'unavailable'],
    [new BadGatewayException(inside), 502, 'internal'],
  ])('keeps the status of a %p, and says nothing of its inside', (error, status, code) => {
    expect(classify(error)).toEqual({
      status,
      code,
      detail: 'This service cannot answer. The trace id leads to the log.',
    });
  });

  it.each([
    ['an unknown error', new TypeError(inside)],
    ['an error with a status of its own', Object.assign(new Error(inside), { statusCode: 400, status: 400 })],
    ['a text', inside],
    ['nothing', undefined],
    ['null', null],
  ])('says nothing of the inside of %s', (_what, error) => {
    expect(classify(error)).toEqual({
      status: 500,
      code: 'internal',
      detail: 'Something went wrong here. The trace id leads to the log.',
    });
  });
});
