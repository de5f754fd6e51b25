// Who is asking: a bearer JWT, verified by jose, or an API key; then the database's word on user, tenant and role.
// Whatever is wrong with a token, the answer is one and the same.

import { hash } from 'node:crypto'
import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify, SignJWT } from 'jose'
import { LRUCache } from 'lru-cache'
import type { Pool } from 'pg'
import { apiKeyHash } from './api-keys.ts'
import { type Config, developmentSecret } from './config.ts'
import { PublicError } from './errors.ts'
import { prepared } from './prepared.ts'
import { type Admission, admissionRow } from './rate-limits.ts'

/** Without a tenant (null): someone who is a member of none yet. */
export type Identity = {
  userId: string
  tenantId: string | null
  role: 'rowhouse_user' | 'rowhouse_admin'
  /** The API key that the request came with. */
  apiKeyId?: string | undefined
}
/** What a request shows of itself: the claims of its token, or its API key's hash. */
export type Credentials = { claims: JWTPayload } | { keyHash: Buffer }
export type VerifyToken = (token: string) => Promise<JWTPayload>

const longestToken = 8_192
export const unauthenticated = (): PublicError =>
  new PublicError(401, 'ID101', 'Authentication is required.', 'Send a valid bearer token of a registered user.')

const clockTolerance = 5

export async function createTokenVerifier(config: Config): Promise<VerifyToken> {
  const common = {
    issuer: config.JWT_ISSUER,
    audience: config.JWT_AUDIENCE,
    requiredClaims: ['exp', 'sub'],
    clockTolerance,
  }
  if (config.JWT_JWKS_URL) {
    // the algorithms are named, so a token can choose neither "none" nor a public key as an HMAC secret
    const keys = createRemoteJWKSet(new URL(config.JWT_JWKS_URL))
    const algorithms = ['RS256', 'ES256', 'EdDSA']
    return remembering(async (token) => (await jwtVerify(token, keys, { ...common, algorithms })).payload)
  }
  const secret = new TextEncoder().encode(await developmentSecret(config))
  return remembering(async (token) => (await jwtVerify(token, secret, { ...common, algorithms: ['HS256'] })).payload)
}

const mostRemembered = 2_000
/** A key that its issuer withdraws is honoured no longer than this. */
const longestRemembered = 60_000

/**
 * Tokens that were good, by their hash: to verify a signature is a sixth of the work of a small request. Whether a token
 * has expired is looked at each time, and who it names is asked of the database.
 */
function remembering(verify: VerifyToken): VerifyToken {
  const good = new LRUCache<string, JWTPayload>({ max: mostRemembered, ttl: longestRemembered })
  return async (token) => {
    const key = hash('sha256', token, 'base64')
    const known = good.get(key)
    if (known && Number(known.exp) > Math.floor(Date.now() / 1_000) - clockTolerance) return known
    const payload = await verify(token)
    good.set(key, payload)
    return payload
  }
}

/** What a request's bearer shows: an API key, or the claims of a token. */
export async function credentialsOf(authorization: string | undefined, verify: VerifyToken): Promise<Credentials> {
  const keyHash = apiKeyHash(authorization)
  return keyHash ? { keyHash } : { claims: await claimsOf(authorization, verify) }
}

async function claimsOf(authorization: string | undefined, verify: VerifyToken): Promise<JWTPayload> {
  const token = authorization?.match(/^Bearer +([\w-]+\.[\w-]+\.[\w-]*)$/i)?.[1]
  if (!token || token.length > longestToken) throw unauthenticated()
  try {
    return await verify(token)
  } catch (error) {
    if (isFaultOfToken(error)) throw unauthenticated()
    throw Object.assign(
      new PublicError(503, 'ID901', 'Authentication is not possible at the moment.', 'Try again in a minute.'),
      { cause: error },
    )
  }
}

/** That the keys cannot be had, or are none, is not: jose's plain JOSEError is an answer of the keys' address. */
function isFaultOfToken(error: unknown): boolean {
  return (
    error instanceof errors.JOSEError &&
    !(error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid) &&
    error.code !== 'ERR_JOSE_GENERIC'
  )
}

/** What a request is charged: so many API calls, after so many that it was charged before. */
export type Charge = { calls: number; chargedCalls: number }

/** By name, so that the statement stays prepared when a later version of the function says more. */
const beginRequest = `select identity, ${Object.keys(admissionRow.shape).join(', ')}
  from metering.begin_request($1, $2, calls => $3, charged_calls => $4, key_hash => $5, address => $6, service => $7)`

/** A request at the door. */
export type Arrival = {
  credentials: Credentials
  requestedTenant: string | undefined
  requestId: string
  /** Empty when it is not known. */
  address: string
  /** The part of the server that it calls, as the allowed_services of API keys name it. */
  service: string
}

/** Live membership, rate limits and metering: one query, committed before what the request does. */
export async function authenticate(
  pool: Pool,
  { credentials, requestedTenant, requestId, address, service }: Arrival,
  { calls, chargedCalls }: Charge,
): Promise<Identity & { admission: Admission }> {
  const { rows } = await pool.query<{
    identity: { user_id: string; tenant_id: string | null; role: Identity['role']; api_key_id?: string }
  }>(
    prepared('begin_request', beginRequest, [
      'claims' in credentials ? JSON.stringify({ ...credentials.claims, request_id: requestId }) : null,
      requestedTenant ?? null,
      calls,
      chargedCalls,
      'keyHash' in credentials ? credentials.keyHash : null,
      address || null,
      service,
    ]),
  )
  const row = rows[0]
  if (!row) throw unauthenticated()
  const { identity } = row
  return {
    userId: identity.user_id,
    tenantId: identity.tenant_id,
    role: identity.role,
    apiKeyId: identity.api_key_id,
    admission: admissionRow.parse(row),
  }
}

/** Live membership alone, for a stream that goes on: the token of who began it must still be good, too. */
export async function stillAuthentic(
  pool: Pool,
  { credentials, requestedTenant, requestId, address, service }: Arrival,
): Promise<Identity> {
  if ('claims' in credentials && Number(credentials.claims.exp) <= Date.now() / 1_000 - clockTolerance) {
    throw unauthenticated()
  }
  const { rows } = await pool.query<{
    user_id: string
    tenant_id: string
    role: Identity['role']
    api_key_id?: string
  }>(
    'claims' in credentials
      ? prepared('recognize', 'select user_id, tenant_id, role from tenancy.authenticate($1, $2)', [
          JSON.stringify({ ...credentials.claims, request_id: requestId }),
          requestedTenant ?? null,
        ])
      : prepared(
          'recognize_key',
          'select user_id, tenant_id, role, api_key_id from tenancy.authenticate_key($1, $2, $3, $4)',
          [credentials.keyHash, requestedTenant ?? null, address || null, service],
        ),
  )
  const row = rows[0]
  if (!row) throw unauthenticated()
  return { userId: row.user_id, tenantId: row.tenant_id, role: row.role, apiKeyId: row.api_key_id }
}

/** A token for development: signed with the development secret, its e-mail address taken as verified. */
export async function signDevelopmentToken(
  config: Config,
  claims: { email: string; tenant?: string },
  expiresIn = '7d',
): Promise<string> {
  const secret = new TextEncoder().encode(await developmentSecret(config))
  const { email, tenant } = claims
  return new SignJWT({ email, email_verified: true, ...(tenant ? { [config.JWT_TENANT_CLAIM]: tenant } : {}) })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(email)
    .setIssuer(config.JWT_ISSUER)
    .setAudience(config.JWT_AUDIENCE)
    .setIssuedAt()
    .setExpirationTime(expiresIn)
    .sign(secret)
}
