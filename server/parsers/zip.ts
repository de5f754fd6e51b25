// A ZIP archive that is a document says by its parts which one.

import { type Archive, openArchive } from './archive.ts'
import { ParseError } from './error.ts'
import { relationshipsOf } from './office.ts'
import type { Content } from './types.ts'

export async function parseZip(bytes: Uint8Array): Promise<Content> {
  const archive = await openArchive(bytes)
  const type = Buffer.from((await archive.read('mimetype')) ?? []).toString('latin1')
  if (/epub/.test(type) || archive.names.includes('META-INF/container.xml'))
    return (await import('./epub.ts')).parseEpub(archive)
  const part = await mainPart(archive)
  if (part?.endsWith('.bin')) throw unsupported('a binary Excel file (.xlsb). Save it as .xlsx')
  if (part && /^\/?word\//.test(part)) return (await import('./docx.ts')).parseDocx(archive, part)
  if (part && /^\/?xl\//.test(part)) return (await import('./xlsx.ts')).parseXlsx(archive, part)
  if (part && /^\/?ppt\//.test(part)) return (await import('./pptx.ts')).parsePptx(archive, part)
  if (/opendocument/.test(type) || archive.names.includes('content.xml'))
    return (await import('./odf.ts')).parseOdf(archive)
  if (archive.names.some((name) => name.endsWith('.iwa')))
    throw unsupported('an iWork file (.pages, .numbers, .key). Export it as .docx, .xlsx or .pptx')
  throw unsupported('a ZIP archive. Unpack it, and load what is in it')
}

/** The part of an office file that the others belong to. */
async function mainPart(archive: Archive): Promise<string | undefined> {
  const named = (await relationshipsOf(archive, '')).find(({ type }) => type === 'officeDocument')?.target
  if (named && archive.names.includes(named)) return named
  return ['word/document.xml', 'xl/workbook.xml', 'ppt/presentation.xml', 'xl/workbook.bin'].find((usual) =>
    archive.names.includes(usual),
  )
}

const unsupported = (what: string): ParseError => new ParseError('unsupported_type', `The file is ${what}.`)
