// Bytes to text. What is valid UTF-8, or says by a byte-order mark that it is UTF-16, is just that. Anything else is read in
// the encoding that it was told or declares, else in the one that its bytes look like; what was guessed is reported, because
// a guess may be wrong. A file that was UTF-8 and is damaged is refused: guessing would turn all of it into other letters.

import { isUtf8 } from 'node:buffer'
import { ParseError } from './error.ts'

export type Decoded = { text: string; encoding: string; isAssumed: boolean }
type Declarations = {
  /** By a person or a protocol, who mean this very file. */
  told?: string | undefined
  /** By the file itself, which may have been converted since. */
  declared?: string | undefined
}

export async function decode(bytes: Uint8Array, { told, declared }: Declarations = {}): Promise<Decoded> {
  const marked = markOf(bytes)
  if (marked) return withoutNul({ text: strictly(bytes, marked), encoding: marked, isAssumed: false })
  const isEscaped = isUtf8(bytes) && bytes.includes(0x1b)
  const wide = wideEncoding(bytes)
  if (wide) return { text: strictly(bytes, wide), encoding: wide, isAssumed: true }
  // no text in another encoding happens to be valid UTF-8, and what is told is often told of many files at once
  if (isUtf8(bytes) && !isEscaped) return withoutNul({ text: utf8(bytes), encoding: 'utf-8', isAssumed: false })
  if (told !== undefined && isEncoding(told)) return asTold(bytes, told)
  if (!isEscaped && isDamagedUtf8(bytes)) throw notUtf8(bytes)
  const read = legacy(bytes, declared, false) ?? (await recognised(bytes))
  if (read) return read
  if (isEscaped) return withoutNul({ text: utf8(bytes), encoding: 'utf-8', isAssumed: false })
  throw notUtf8(bytes)
}

/** UTF-8, or UTF-16 by its mark, and nothing else. */
export function decodeText(bytes: Uint8Array): string {
  const encoding = markOf(bytes) ?? 'utf-8'
  if (encoding === 'utf-8' && !isUtf8(bytes)) throw notUtf8(bytes)
  return withoutNul({ text: strictly(bytes, encoding), encoding, isAssumed: false }).text
}

/** How a decoded file is described in its document's metadata: nothing about the encodings that everything is in today. */
export const describeEncoding = ({ encoding, isAssumed }: Decoded): Record<string, unknown> =>
  encoding === 'utf-8' || (/^utf-16/.test(encoding) && !isAssumed)
    ? {}
    : { encoding, ...(isAssumed ? { assumed: ['encoding'] } : {}) }

/** The charset of a media type, such as text/csv; charset=windows-1252. */
export const charsetOf = (mediaType: string | undefined): string | undefined =>
  /;\s*charset\s*=\s*"?([\w.:-]{1,40})/i.exec(mediaType ?? '')?.[1]

/** What HTML or XML says about itself in its first bytes. */
export function declaredInMarkup(bytes: Uint8Array): string | undefined {
  const start = Buffer.from(bytes.subarray(0, 2048)).toString('latin1')
  return (
    /<\?xml[^>]{0,200}\sencoding\s*=\s*["']([\w.:-]{1,40})/i.exec(start)?.[1] ??
    /<meta\s[^>]{0,300}charset\s*=\s*["']?\s*([\w.:-]{1,40})/i.exec(start)?.[1]
  )
}

/** Names that the Encoding Standard does not know. */
const otherNames: Readonly<Record<string, string>> = {
  cp932: 'shift_jis',
  ms932: 'shift_jis',
  cp936: 'gbk',
  cp949: 'euc-kr',
  ms949: 'euc-kr',
  cp950: 'big5',
  cp874: 'windows-874',
  cp1258: 'windows-1258',
}

function decoderOf(label: string): InstanceType<typeof TextDecoder> | undefined {
  const name = label.toLowerCase()
  try {
    return new TextDecoder(otherNames[name] ?? name, { fatal: true })
  } catch {
    return undefined
  }
}

export const isEncoding = (label: string): boolean => decoderOf(label) !== undefined

const markOf = (bytes: Uint8Array): string | undefined =>
  bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : undefined

const utf8 = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

function strictly(bytes: Uint8Array, encoding: string): string {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes)
  } catch {
    throw new ParseError('bad_encoding', `The file is not valid ${encoding.toUpperCase()}. Save it as UTF-8.`)
  }
}

function asTold(bytes: Uint8Array, told: string): Decoded {
  const decoder = decoderOf(told) as NonNullable<ReturnType<typeof decoderOf>>
  if (decoder.encoding === 'utf-8' && !isUtf8(bytes)) throw notUtf8(bytes)
  return withoutNul({ text: strictly(bytes, decoder.encoding), encoding: decoder.encoding, isAssumed: false })
}

function withoutNul(decoded: Decoded): Decoded {
  const nul = decoded.text.indexOf('\0')
  if (nul >= 0)
    throw new ParseError('nul_bytes', `The file has a NUL character at position ${nul}: it is not a text file.`)
  return decoded
}

function legacy(bytes: Uint8Array, label: string | undefined, isAssumed: boolean): Decoded | undefined {
  const decoder = label === undefined ? undefined : decoderOf(label)
  if (!decoder || /^utf-/.test(decoder.encoding)) return undefined
  try {
    const text = decoder.decode(bytes)
    // what a person wrote has no control characters, and none for private use
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    if (/[\0-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\uE000-\uF8FF\uFFFD]/.test(text)) return undefined
    return { text, encoding: decoder.encoding, isAssumed }
  } catch {
    return undefined
  }
}

const largestSample = 64 * 1024
const longestSampleLine = 4 * 1024

/** Candidates with nearly the confidence of the best are as good as it. */
const nearly = 0.95
const mostCandidates = 8

async function recognised(bytes: Uint8Array): Promise<Decoded | undefined> {
  // its tables are large: they are loaded when there is such a file
  const { detectAll } = await import('jschardet')
  let best: { read: Decoded; confidence: number; oddity: number } | undefined
  for (const { encoding, confidence } of detectAll(sampleOf(bytes)).slice(0, mostCandidates)) {
    if (best && confidence < best.confidence * nearly) break
    const read = encoding ? legacy(bytes, encoding, true) : undefined
    if (!read) continue
    // two encodings of one language differ in few letters: in the wrong one there are signs within words
    const oddity = signsInWords(read.text)
    if (!best || oddity < best.oddity) best = { read, oddity, confidence: best?.confidence ?? confidence }
  }
  return best?.read
}

const signsInWords = (text: string): number =>
  text.slice(0, largestSample).match(/(?<=\p{L})[\u0080-\u00BF\u2013-\u2122](?=\p{L})/gu)?.length ?? 0

/** Lines that are not ASCII: the others say nothing about the encoding. */
function sampleOf(bytes: Uint8Array): Buffer {
  const lines: Uint8Array[] = []
  let size = 0
  for (let at = 0; at < bytes.length && size < largestSample; ) {
    const next = bytes.indexOf(0x0a, at)
    const end = next < 0 ? bytes.length : next + 1
    const line = bytes.subarray(at, Math.min(end, at + longestSampleLine))
    if (line.some((byte) => byte >= 0x80 || byte === 0x1b)) {
      lines.push(line)
      size += line.length
    }
    // the rest of a long line is looked at like a line
    at += line.length
  }
  return Buffer.concat(lines)
}

/** UTF-16 without its mark: every other byte of what is mostly ASCII is 0. */
function wideEncoding(bytes: Uint8Array): string | undefined {
  const sample = bytes.subarray(0, 4096)
  if (sample.length < 8 || bytes.length % 2 === 1) return undefined
  const zeros = [0, 0]
  for (const [i, byte] of sample.entries()) if (byte === 0) zeros[i % 2] = (zeros[i % 2] as number) + 1
  const [even = 0, odd = 0] = zeros
  const many = sample.length / 5
  return even === 0 && odd > many ? 'utf-16le' : odd === 0 && even > many ? 'utf-16be' : undefined
}

/** Legacy encodings form a well-formed character of UTF-8 now and then; a damaged file has more of them than other bytes. */
function isDamagedUtf8(bytes: Uint8Array): boolean {
  let good = 0
  let bad = 0
  for (const [run] of utf8(bytes).matchAll(/[^\0-\x7f]+/g)) {
    for (const character of run) {
      if (character === '\uFFFD') bad += 1
      else good += 1
    }
  }
  return good >= bad
}

const notUtf8 = (bytes: Uint8Array): ParseError =>
  new ParseError(
    'bad_encoding',
    `The file is not valid UTF-8: byte ${firstBadByte(bytes)} does not belong there. Its encoding is not clear. Save it as UTF-8.`,
  )

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
