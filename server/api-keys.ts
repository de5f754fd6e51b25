// API keys as they come in: rh_live_, 43 characters for 256 random bits, 6 for their CRC-32. What only looks like one is turned
// away here; of the others the database gets the hash and never the key (sql/03_tenancy/75_api_keys).

import { hash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { PublicError } from './errors.ts'

const form = /^Bearer +((rh_(?:live|test)_[0-9A-Za-z]{43})([0-9A-Za-z]{6}))$/i
const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** The same answer as the database's, which says no more either. */
const notAccepted = (): PublicError =>
  new PublicError(
    401,
    'KY101',
    'This API key is not accepted.',
    'It may be unknown, revoked or expired, or not meant for this tenant, address or part of the server. The list of API keys tells.',
  )

/** The SHA-256 of the API key in the header, or undefined when there is something else in it. */
export function apiKeyHash(authorization: string | undefined): Buffer | undefined {
  if (!authorization || !/^Bearer +rh_/i.test(authorization)) return undefined
  const [, key, body, checksum] = authorization.match(form) ?? []
  if (!key || !body || checksum !== checksumOf(body)) throw notAccepted()
  return hash('sha256', key, 'buffer')
}

function checksumOf(body: string): string {
  let rest = crc32(body)
  let text = ''
  for (let place = 0; place < 6; place += 1) {
    text = digits[rest % digits.length] + text
    rest = Math.floor(rest / digits.length)
  }
  return text
}
