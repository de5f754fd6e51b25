// From a file to text: one small parser a format, one error type for whatever is wrong with a file.

import { parseExactly } from '../exact-json.ts'
import { separatorOfName } from './csv.ts'
import { charsetOf, isEncoding } from './decode.ts'
import { ParseError } from './error.ts'
import { identify } from './formats.ts'
import { parseInChild } from './isolation.ts'
import type { Hints, InputFile, ParsedDocument } from './types.ts'

export { ParseError } from './error.ts'
export { formatOf, typeFoundIn } from './formats.ts'

/** In bytes; knowledge.largest_file() is the same. */
export const largestFile = 50 * 1024 * 1024

/** The text of a file that is one document. Throws ParseError, and nothing else, when the file is at fault. */
export async function parse(file: InputFile): Promise<ParsedDocument> {
  if (file.bytes.length > largestFile) throw new ParseError('too_large', 'The file is larger than 50 MB. Split it.')
  const format = identify(file)
  if (file.bytes.length === 0) throw new ParseError('empty_file', 'The file is empty.')
  const { title, text, metadata } = await parseInChild(format, file.bytes, undefined, hintsFrom(file))
  return {
    title: title.replaceAll(/\s+/g, ' ').trim().slice(0, 1000) || file.name,
    text,
    // as text, because its numbers may have more digits than a process can hand to another
    metadata: parseExactly(metadata) as Record<string, unknown>,
  }
}

/** What a person says on the command line about files; throws when there is no such encoding or separator. */
export function hintsOf(encoding: string | undefined, separator: string | undefined): Hints {
  const character = separator === 'tab' || separator === '\\t' ? '\t' : separator
  if (encoding !== undefined && !isEncoding(encoding)) throw new Error(`There is no encoding ${encoding}.`)
  if (character !== undefined && !/^[^"\r\n\p{L}\p{N}]$/u.test(character))
    throw new Error('The separator of CSV is one character that is no letter, digit or quote, or the word tab.')
  return { encoding, separator: character }
}

/** A media type that says it, for a file that is read later. */
export function mediaTypeOf({ encoding, separator }: Hints): string | null {
  const parameters = [
    ...(encoding === undefined ? [] : [`charset=${encoding}`]),
    ...(separator === undefined ? [] : [`separator="${separator === '\t' ? 'tab' : separator}"`]),
  ]
  return parameters.length > 0 ? ['application/octet-stream', ...parameters].join('; ') : null
}

function hintsFrom({ name, mediaType = '' }: InputFile): Hints {
  const told = /;\s*separator\s*=\s*(?:"(tab|[^"])"|(tab|[^\s;"]))/i.exec(mediaType)
  const separator = told?.[1] ?? told?.[2]
  const charset = charsetOf(mediaType)
  return {
    encoding: charset !== undefined && isEncoding(charset) ? charset : undefined,
    separator:
      separator === 'tab' || (separator === undefined && /^text\/tab/i.test(mediaType))
        ? '\t'
        : (separator ?? separatorOfName(name)),
  }
}
