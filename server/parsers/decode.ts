// Bytes to text: UTF-8, or UTF-16 where a byte-order mark says so. Anything else is refused, never guessed, because a
// wrong guess is stored for good.

import { isUtf8 } from 'node:buffer'
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

/** Where the first character that is not well formed begins, counted from 0: by halving, so the file is read 26 times. */
function firstBadByte(bytes: Uint8Array): number {
  let good = 0
  let bad = bytes.length + 1
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2)
    if (isStartOfUtf8(bytes.subarray(0, middle))) good = middle
    else bad = middle
  }
  // a start may end inside a character, and that one is the bad one
  while (!isUtf8(bytes.subarray(0, good))) good -= 1
  return good
}

function isStartOfUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true })
    return true
  } catch {
    return false
  }
}
