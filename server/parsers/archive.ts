// ZIP archives, which .docx, .xlsx, .pptx, .odt and .epub are. An archive may unpack to a thousand times its size, so what
// is unpacked is limited by the size it declares, by what comes out, and in sum.

import { crc32 } from 'node:zlib'
import { type Entry, fromBufferPromise, type ZipFile } from 'yauzl'
import { ParseError } from './error.ts'

const mostEntries = 20_000
const largestPart = 128 * 1024 * 1024
const largestTotal = 256 * 1024 * 1024
/** Office files are XML, which shrinks to a tenth, seldom to a hundredth; below this size it does not matter. */
const largestRatio = 400
const smallSize = 16 * 1024 * 1024

export type Archive = {
  names: readonly string[]
  /** The bytes of a part; undefined when there is none of that name. */
  read: (name: string) => Promise<Uint8Array | undefined>
}

export async function openArchive(bytes: Uint8Array): Promise<Archive> {
  const zip = await orDamaged(() =>
    fromBufferPromise(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), {
      lazyEntries: true,
      autoClose: false,
    }),
  )
  if (zip.entryCount > mostEntries) throw tooLarge(`has more than ${mostEntries} parts`)
  const entries = new Map<string, Entry>()
  await orDamaged(async () => {
    for await (const entry of zip.eachEntry()) entries.set(entry.fileName, entry)
  })
  let total = 0
  return {
    names: [...entries.keys()],
    async read(name) {
      const entry = entries.get(name)
      if (!entry) return undefined
      if (entry.isEncrypted()) throw encrypted()
      checkSize(entry)
      const content = await orDamaged(() => contentOf(zip, entry))
      total += content.length
      if (total > largestTotal) throw tooLarge('unpacks to more than 256 MB')
      return content
    },
  }
}

export const encrypted = (): ParseError =>
  new ParseError('encrypted_file', 'The file is encrypted or protected by a password. Save it without protection.')

function checkSize({ compressedSize, uncompressedSize }: Entry): void {
  if (uncompressedSize > largestPart) throw tooLarge('has a part of more than 128 MB')
  if (uncompressedSize > smallSize && uncompressedSize > compressedSize * largestRatio)
    throw tooLarge(`has a part that unpacks to more than ${largestRatio} times its size`)
}

/** The library ends a stream that brings more, or less, than was declared. */
async function contentOf(zip: ZipFile, entry: Entry): Promise<Uint8Array> {
  const parts: Buffer[] = []
  for await (const part of await zip.openReadStreamPromise(entry)) parts.push(part as Buffer)
  const content = Buffer.concat(parts)
  if (crc32(content) !== entry.crc32) throw damaged()
  return content
}

async function orDamaged<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof RangeError || error instanceof ParseError) throw error
    throw damaged()
  }
}

export const damaged = (): ParseError =>
  new ParseError('unreadable', 'The file is damaged and cannot be read. Save it again, or in another format.')

const tooLarge = (what: string): ParseError =>
  new ParseError('too_large', `The file ${what}. Split it, or save it in another format.`)
