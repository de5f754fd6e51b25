// From a file to text: one small parser a format, one error type for whatever is wrong with a file.

import { parseExactly } from '../exact-json.ts'
import { separatorOfName } from './csv.ts'
import { charsetOf } from './decode.ts'
import { ParseError } from './error.ts'
import { identify } from './formats.ts'
import { parseInChild } from './isolation.ts'
import type { InputFile, ParsedDocument } from './types.ts'

export { ParseError } from './error.ts'
export { formatOf } from './formats.ts'

const largestFile = 50 * 1024 * 1024

/** The text of a file that is one document. Throws ParseError, and nothing else, when the file is at fault. */
export async function parse(file: InputFile): Promise<ParsedDocument> {
  if (file.bytes.length > largestFile) throw new ParseError('too_large', 'The file is larger than 50 MB. Split it.')
  const format = identify(file)
  if (file.bytes.length === 0) throw new ParseError('empty_file', 'The file is empty.')
  const { title, text, metadata } = await parseInChild(format, file.bytes, undefined, {
    encoding: charsetOf(file.mediaType),
    separator: /^text\/tab/i.test(file.mediaType ?? '') ? '\t' : separatorOfName(file.name),
  })
  return {
    title: title.replaceAll(/\s+/g, ' ').trim().slice(0, 1000) || file.name,
    text,
    // as text, because its numbers may have more digits than a process can hand to another
    metadata: parseExactly(metadata) as Record<string, unknown>,
  }
}
