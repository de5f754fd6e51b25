// Signs the heads of sealed batches with Ed25519, and checks such signatures. The key is AUDIT_SIGNING_KEY; in development one
// is made and kept in the data directory.

import { createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign, verify } from 'node:crypto'
import { type Config, keptSecret } from '../config.ts'

/** What stands before the 32 bytes of a key in DER: RFC 8410. */
const privatePrefix = Buffer.from('302e020100300506032b657004220420', 'hex')
const publicPrefix = Buffer.from('302a300506032b6570032100', 'hex')

export type Signer = { publicKey: Buffer; sign: (head: Buffer) => Buffer }

export function createSigner(seed: string): Signer {
  const der = Buffer.concat([privatePrefix, Buffer.from(seed, 'hex')])
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(publicPrefix.length)
  return { publicKey, sign: (head) => sign(null, head, key) }
}

/** In production nothing is signed without a key that was given. */
export async function signerOf(config: Config): Promise<Signer | undefined> {
  if (config.AUDIT_SIGNING_KEY) return createSigner(config.AUDIT_SIGNING_KEY)
  if (config.isProduction) return undefined
  return createSigner(await keptSecret(config, 'audit-signing-key', () => randomBytes(32).toString('hex')))
}

export function isSignature(signature: string, head: Buffer, publicKey: string): boolean {
  if (!/^[0-9a-f]{64}$/.test(publicKey) || !/^[0-9a-f]{128}$/.test(signature)) return false
  return verify(null, head, publicKeyOf(publicKey), Buffer.from(signature, 'hex'))
}

const publicKeyOf = (hex: string): KeyObject =>
  createPublicKey({ key: Buffer.concat([publicPrefix, Buffer.from(hex, 'hex')]), format: 'der', type: 'spki' })
