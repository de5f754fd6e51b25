// What the database decided about a request's rate limits and quotas, as HTTP says it: the RateLimit headers, and 429 with
// Retry-After for a request that may not pass.

import type { ServerResponse } from 'node:http'
import { z } from 'zod'
import { PublicError } from './errors.ts'

/** The part of a row of metering.begin_request that is about limits; all null when there is none. */
export const admissionRow = z.object({
  limit_name: z.string().nullable(),
  limit_value: z.number().nullable(),
  window_seconds: z.number().nullable(),
  remaining: z.number().nullable(),
  reset_after_seconds: z.number().nullable(),
  retry_after_seconds: z.number().nullable(),
  refusal_code: z.string().nullable(),
  refusal_message: z.string().nullable(),
  refusal_hint: z.string().nullable(),
})
export type Admission = z.infer<typeof admissionRow>

const headers = [
  'ratelimit-limit',
  'ratelimit-remaining',
  'ratelimit-reset',
  'ratelimit-policy',
  'ratelimit',
  'retry-after',
]

/** The headers of whichever limit is nearest to its end, in the words people know and in those of the IETF's draft. */
export function sendRateLimit(response: ServerResponse, admission: Admission): void {
  const { limit_name, limit_value, window_seconds, remaining, reset_after_seconds } = admission
  if (limit_name === null || limit_value === null || remaining === null || reset_after_seconds === null) return
  const left = Math.floor(remaining)
  response.setHeader('ratelimit-limit', limit_value)
  response.setHeader('ratelimit-remaining', left)
  response.setHeader('ratelimit-reset', reset_after_seconds)
  response.setHeader('ratelimit-policy', `"${limit_name}";q=${limit_value};w=${window_seconds}`)
  response.setHeader('ratelimit', `"${limit_name}";r=${left};t=${reset_after_seconds}`)
  // to a browser's own origin these are nothing new; a foreign one that is let in may read them, too
  const exposed = response.getHeader('access-control-expose-headers')
  if (exposed) response.setHeader('access-control-expose-headers', `${exposed}, ${headers.join(', ')}`)
}

/** Why a request may not pass, unless it may. */
export function refusalOf(admission: Admission): PublicError | undefined {
  const { refusal_code: code, refusal_message: message, refusal_hint: hint, retry_after_seconds: seconds } = admission
  if (code === null) return undefined
  const when = seconds === null ? 'later' : `in ${seconds} s`
  if (code === 'RL601') return new PublicError(429, 'RL601', 'There are too many requests.', `Try again ${when}.`)
  if (code === 'RL602') {
    return new PublicError(429, 'RL602', 'There are too many requests; this one may wait.', `Queue it and try ${when}.`)
  }
  if (code === 'RL603') {
    // dearer than a whole limit: it will not pass later either
    return new PublicError(400, 'RL603', message ?? 'The request costs too many API calls.', hint ?? undefined)
  }
  return new PublicError(429, code, message ?? 'A quota is used up.', hint ?? undefined)
}

/** Turns away a request that may not pass. */
export function refuse(response: ServerResponse, admission: Admission): void {
  const refusal = refusalOf(admission)
  if (!refusal) return
  if (admission.retry_after_seconds !== null) response.setHeader('retry-after', admission.retry_after_seconds)
  throw refusal
}
