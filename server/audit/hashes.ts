// The hashes of the sealed audit, computed apart from the database: those of RFC 6962, as docs/governance.md states them.

import { createHash } from 'node:crypto'

const sha256 = (...parts: (Buffer | string)[]): Buffer => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

const leafMark = Buffer.from([0])
const nodeMark = Buffer.from([1])

export const headOf = (batchText: string): Buffer => sha256(batchText)
export const leafOf = (entryText: string): Buffer => sha256(leafMark, entryText)
export const nodeOf = (left: Buffer, right: Buffer): Buffer => sha256(nodeMark, left, right)
export const digestOf = (ids: string): string => sha256(ids).toString('hex')

/** The root over leaves of 32 bytes each. A last one without a partner goes up as it is. */
export function rootOf(leaves: Buffer): Buffer {
  let level = Array.from({ length: leaves.length / 32 }, (_, i) => leaves.subarray(32 * i, 32 * i + 32))
  while (level.length > 1) {
    const next: Buffer[] = []
    for (let i = 0; i < level.length; i += 2) {
      const [left, right] = [level[i] as Buffer, level[i + 1]]
      next.push(right ? nodeOf(left, right) : left)
    }
    level = next
  }
  return level[0] ?? Buffer.alloc(0)
}
