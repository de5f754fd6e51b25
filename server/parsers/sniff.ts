// What a file is, by its first bytes: names and media types are wrong often enough. Text formats look alike, so among them
// the name decides.

import type { Format } from './types.ts'

type Sniffed = { format: Format } | { unsupported: string } | undefined

const starts = (bytes: Uint8Array, text: string, at = 0): boolean =>
  Buffer.from(bytes.subarray(at, at + text.length)).toString('latin1') === text

/** Types that hold no text we can read, by how they begin; with what to do about it. */
const unsupported: readonly (readonly [start: string, at: number, what: string])[] = [
  ['\x89PNG', 0, 'a PNG picture. Run text recognition (OCR) on it first'],
  ['\xff\xd8\xff', 0, 'a JPEG picture. Run text recognition (OCR) on it first'],
  ['GIF8', 0, 'a GIF picture. Run text recognition (OCR) on it first'],
  ['II*\0', 0, 'a TIFF picture. Run text recognition (OCR) on it first'],
  ['MM\0*', 0, 'a TIFF picture. Run text recognition (OCR) on it first'],
  ['WEBP', 8, 'a WebP picture. Run text recognition (OCR) on it first'],
  ['ftyp', 4, 'a video or a picture'],
  ['ID3', 0, 'an audio file'],
  ['OggS', 0, 'an audio or video file'],
  ['RIFF', 0, 'an audio or video file'],
  ['\x1f\x8b', 0, 'a gzip archive. Unpack it, and load what is in it'],
  ['BZh', 0, 'a bzip2 archive. Unpack it, and load what is in it'],
  ['7z\xbc\xaf\x27\x1c', 0, 'a 7-Zip archive. Unpack it, and load what is in it'],
  ['Rar!', 0, 'a RAR archive. Unpack it, and load what is in it'],
  ['\x7fELF', 0, 'a program'],
  ['SQLite format 3', 0, 'a SQLite database. Export its tables as CSV'],
  ['{\\rtf', 0, 'a rich text file (RTF). Save it as .docx'],
]

const compoundFile = '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1'

export function sniff(bytes: Uint8Array): Sniffed {
  if (starts(bytes, '%PDF-')) return { format: 'pdf' }
  if (starts(bytes, 'PK\x03\x04') || starts(bytes, 'PK\x05\x06')) return { format: 'zip' }
  if (starts(bytes, compoundFile)) return { unsupported: compoundFileType(bytes) }
  const known = unsupported.find(([start, at]) => starts(bytes, start, at))
  return known ? { unsupported: known[2] } : undefined
}

/** Word, Excel, PowerPoint and Outlook before 2007, and what they encrypt today, are compound files. */
function compoundFileType(bytes: Uint8Array): string {
  const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const has = (name: string): boolean => content.includes(name, 0, 'utf16le')
  if (has('EncryptedPackage')) return 'protected by a password. Save it without one'
  if (has('WordDocument')) return 'an old Word file (.doc). Save it as .docx'
  if (has('Workbook')) return 'an old Excel file (.xls). Save it as .xlsx'
  if (has('PowerPoint Document')) return 'an old PowerPoint file (.ppt). Save it as .pptx'
  if (has('__substg1.0_')) return 'an Outlook message (.msg). Save it as .eml'
  return 'an old Office file. Save it in the current format of its program'
}

/** A page that was saved under another name, such as the error page that a download brought instead of a PDF. */
export const looksLikeHtml = (bytes: Uint8Array): boolean =>
  /^(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?(<!--[^>]*-->\s*)?<(!doctype\s+html|html)[\s>]/i.test(
    Buffer.from(bytes.subarray(0, 1024)).toString('latin1'),
  )
