// Tenants' secrets. Envelope encryption: a data key for each tenant encrypts its secrets (AES-256-GCM), and a master key that
// only the server has wraps the data keys. A ciphertext is bound to its tenant and row, so that one which was moved does not
// open. A plain secret is never logged, never part of an error, and never sent to the database.

import { createCipheriv, createDecipheriv, createHmac, randomBytes, randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Config, loadConfig } from './config.ts'
import { PublicError } from './errors.ts'

/** Wraps and unwraps data keys: the part that a key management service can take over. */
export type KeyRing = {
  /** The master key that wraps new data keys. */
  currentId: string
  wrap: (tenantId: string, dataKey: Buffer) => Promise<Buffer>
  unwrap: (masterKeyId: string, tenantId: string, wrapped: Buffer) => Promise<Buffer>
}

const cipher = 'aes-256-gcm'
const nonceBytes = 12
const tagBytes = 16

function encrypt(key: Buffer, plain: Buffer, associated: string): Buffer {
  const nonce = randomBytes(nonceBytes)
  const encryption = createCipheriv(cipher, key, nonce).setAAD(Buffer.from(associated))
  return Buffer.concat([nonce, encryption.update(plain), encryption.final(), encryption.getAuthTag()])
}

function decrypt(key: Buffer, sealed: Buffer, associated: string): Buffer {
  try {
    const decryption = createDecipheriv(cipher, key, sealed.subarray(0, nonceBytes), { authTagLength: tagBytes })
      .setAAD(Buffer.from(associated))
      .setAuthTag(sealed.subarray(-tagBytes))
    return Buffer.concat([decryption.update(sealed.subarray(nonceBytes, -tagBytes)), decryption.final()])
  } catch {
    throw new PublicError(
      500,
      'SE902',
      'A stored secret does not open.',
      'It was altered or moved, or its master key is not the one it was made with. Store it anew with rotateSecret.',
    )
  }
}

const wrapContext = (masterKeyId: string, tenantId: string): string => `rowhouse/data-key/1/${masterKeyId}/${tenantId}`
const secretContext = (tenantId: string, id: string): string => `rowhouse/secret/1/${tenantId}/${id}`

/** Keys as "id:base64", one a line or separated by commas. The first wraps new data keys, the others only open. */
export function parseKeyRing(text: string): KeyRing {
  const keys = new Map<string, Buffer>()
  for (const entry of text.split(/[\s,]+/).filter(Boolean)) {
    const [, id, base64] = entry.match(/^([a-z0-9][a-z0-9_-]{0,62}):([A-Za-z0-9+/]{43}=)$/) ?? []
    // the entry itself is not quoted, because it may be a key
    if (!id || !base64 || keys.has(id)) {
      throw new Error(
        'SECRETS_KEY: must be keys as id:base64 of 32 bytes, each id once, separated by commas; make one with: openssl rand -base64 32',
      )
    }
    keys.set(id, Buffer.from(base64, 'base64'))
  }
  const currentId = [...keys.keys()][0]
  if (!currentId) throw new Error('SECRETS_KEY: has no key')
  const keyOf = (id: string): Buffer => {
    const key = keys.get(id)
    if (!key) {
      throw new PublicError(
        503,
        'SE903',
        `The master key ${id}, which wraps the secrets of this tenant, is missing.`,
        'Add it to SECRETS_KEY or SECRETS_KEY_FILE, behind the current key.',
      )
    }
    return key
  }
  return {
    currentId,
    wrap: async (tenantId, dataKey) => encrypt(keyOf(currentId), dataKey, wrapContext(currentId, tenantId)),
    unwrap: async (id, tenantId, wrapped) => decrypt(keyOf(id), wrapped, wrapContext(id, tenantId)),
  }
}

/** The key ring of the configuration; in development one is made. Undefined in production without SECRETS_KEY. */
export async function loadKeyRing(config: Config): Promise<KeyRing | undefined> {
  if (config.SECRETS_KEY) return parseKeyRing(config.SECRETS_KEY)
  if (config.SECRETS_KEY_FILE) return parseKeyRing(await readFile(config.SECRETS_KEY_FILE, 'utf8'))
  return config.isProduction ? undefined : parseKeyRing(await developmentKey(config))
}

/** Made once, kept in the data directory, readable by its owner only. */
async function developmentKey(config: Config): Promise<string> {
  const path = join(config.ROWHOUSE_DATA_DIR, 'secrets-key')
  await mkdir(config.ROWHOUSE_DATA_DIR, { recursive: true, mode: 0o700 })
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  await writeFile(draft, `development:${randomBytes(32).toString('base64')}`, { mode: 0o600 })
  try {
    // a link appears whole and once: whoever comes second finds it and reads it
    await link(draft, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await rm(draft, { force: true })
  }
  return readFile(path, 'utf8')
}

export function requireKeyRing(keyRing: KeyRing | undefined): KeyRing {
  if (keyRing) return keyRing
  throw new PublicError(
    503,
    'SE901',
    'This server has no key for secrets, so it can neither store nor open one.',
    'Set SECRETS_KEY or SECRETS_KEY_FILE.',
  )
}

/** The key ring of a worker, whose tasks are given no configuration. */
export const workerKeyRing = (): Promise<KeyRing | undefined> => loadKeyRing(loadConfig(process.env))

/** Anything that runs a statement. */
export type Queries = { query: (text: string, values: unknown[]) => Promise<{ rows: unknown[] }> }

type DataKeyRow = { tenant_id: string; used_master_key_id: string; used_wrapped_key: Buffer }

/** Longer than any key that a provider gives out, a service account's JSON included. */
const longestSecret = 10_000
const shortestShownSecret = 20

/**
 * A secret as app_public.create_secret and rotate_secret take it: encrypted under the tenant's data key and bound to the row.
 * `queries` runs in the context of the request, and refuses who may not store secrets.
 */
export async function sealSecret(
  keyRing: KeyRing | undefined,
  queries: Queries,
  secret: string,
  id: string = randomUUID(),
): Promise<string> {
  const ring = requireKeyRing(keyRing)
  if (secret.trim() === '' || secret.length > longestSecret) {
    throw new PublicError(
      400,
      'SE402',
      `A secret must have 1 to ${longestSecret.toLocaleString('en')} characters.`,
      'Give the key as the provider shows it.',
    )
  }
  const { tenantId, dataKey } = await tenantDataKey(ring, queries)
  const sealed = encrypt(dataKey, Buffer.from(secret), secretContext(tenantId, id))
  const hash = createHmac('sha256', dataKey).update(secret).digest()
  const prefix = secret.length < shortestShownSecret ? '' : secret.slice(0, 4)
  return ['rhsec1', id, ...[Buffer.from(prefix), sealed, hash].map((part) => part.toString('base64'))].join('.')
}

async function tenantDataKey(ring: KeyRing, queries: Queries): Promise<{ tenantId: string; dataKey: Buffer }> {
  const { rows } = await queries.query(`select core.current_tenant_id() as id`, [])
  const tenantId = (rows[0] as { id: string | null }).id ?? ''
  const offered = await ring.wrap(tenantId, randomBytes(32))
  const answer = await queries.query('select * from governance.tenant_data_key($1, $2)', [ring.currentId, offered])
  const row = answer.rows[0] as DataKeyRow
  return { tenantId, dataKey: await ring.unwrap(row.used_master_key_id, tenantId, row.used_wrapped_key) }
}

/** Who uses a secret: the calling tenant, and what allowed_agents, allowed_users and allowed_ips are compared with. */
export type SecretCaller = {
  tenantId: string
  agentId?: string | undefined
  userId?: string | undefined
  ipAddress?: string | undefined
}

/** The plain secret of this name in the calling tenant. Counts one use. */
export async function openSecret(
  keyRing: KeyRing | undefined,
  queries: Queries,
  { tenantId, agentId, userId, ipAddress }: SecretCaller,
  keyName: string,
): Promise<string> {
  const ring = requireKeyRing(keyRing)
  const { rows } = await queries.query('select * from governance.open_secret($1, $2, $3, $4, $5)', [
    tenantId,
    keyName,
    agentId ?? null,
    userId ?? null,
    ipAddress ?? null,
  ])
  const row = rows[0] as { id: string; encrypted_key: Buffer; master_key_id: string; wrapped_key: Buffer }
  const dataKey = await ring.unwrap(row.master_key_id, tenantId, row.wrapped_key)
  return decrypt(dataKey, row.encrypted_key, secretContext(tenantId, row.id)).toString()
}

/** The tenant's own key for the provider of a model; null when it has none, and the platform's is to be used. */
export async function openModelSecret(
  keyRing: KeyRing | undefined,
  queries: Queries,
  caller: SecretCaller,
  modelId: string,
): Promise<string | null> {
  const { rows } = await queries.query('select governance.model_secret_name($1, $2) as name', [
    caller.tenantId,
    modelId,
  ])
  const { name } = rows[0] as { name: string | null }
  return name === null ? null : openSecret(keyRing, queries, caller, name)
}

/**
 * Wraps by the current master key whatever another one wraps. Each data key is stored at once, so a run that was interrupted
 * goes on where it stopped when it is started again.
 */
export async function rewrapDataKeys(
  ring: KeyRing,
  queries: Queries,
  onProgress: (rewrapped: number) => void = () => {},
): Promise<number> {
  let rewrapped = 0
  for (;;) {
    const { rows } = await queries.query('select * from governance.data_keys_to_rewrap($1)', [ring.currentId])
    if (rows.length === 0) return rewrapped
    for (const row of rows as { tenant_id: string; master_key_id: string; wrapped_key: Buffer }[]) {
      const dataKey = await ring.unwrap(row.master_key_id, row.tenant_id, row.wrapped_key)
      const wrapped = await ring.wrap(row.tenant_id, dataKey)
      await queries.query('select governance.rewrap_data_key($1, $2, $3, $4)', [
        row.tenant_id,
        row.wrapped_key,
        ring.currentId,
        wrapped,
      ])
      rewrapped += 1
    }
    onProgress(rewrapped)
  }
}
