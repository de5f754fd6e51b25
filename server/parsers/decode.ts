// Bytes to text: UTF-8, or UTF-16 where a byte-order mark says so. Anything else is refused, never guessed, because a
// wrong guess is stored for good.

import { ParseError } from './error.ts'

export function decodeText(bytes: Uint8Array): string {
  const encoding =
    bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : 'utf-8'
  let text: string
  try {
    text = new TextDecoder(encoding, { fatal: true }).decode(bytes)
  } catch {
    const where = encoding === 'utf-8' ? `: byte ${firstBadByte(bytes)} does not belong there` : ''
    throw new ParseError('bad_encoding', `The file is not valid ${encoding.toUpperCase()}${where}. Save it as UTF-8.`)
  }
  const nul = text.indexOf('\0')
  if (nul >= 0)
    throw new ParseError('nul_bytes', `The file has a NUL character at position ${nul}: it is not a text file.`)
  return text
}

/** Counted from 0, by halving: a start of the bytes is well formed up to there and no further. */
function firstBadByte(bytes: Uint8Array): number {
  let good = 0
  let bad = bytes.length + 1
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2)
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, middle), { stream: middle < bytes.length })
      good = middle
    } catch {
      bad = middle
    }
  }
  return good
}
