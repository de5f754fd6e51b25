// OpenDocument: texts (.odt), sheets (.ods) and slides (.odp) of LibreOffice and others, all in one part, content.xml.

import { type Archive, damaged, encrypted } from './archive.ts'
import { createBlocks } from './blocks.ts'
import { asReading, readingsBehind, withoutMarks } from './readings.ts'
import type { Content } from './types.ts'
import { type Attributes, attribute, firstTexts, readXml } from './xml.ts'

/** What was deleted, who commented and when, and the mark of a note. */
const unseen = new Set(['tracked-changes', 'creator', 'date', 'note-citation', 'sender-initials'])
const tables: Readonly<Record<string, 'table' | 'row' | 'cell'>> = {
  table: 'table',
  'table-row': 'row',
  'table-cell': 'cell',
}
const isParagraph = (name: string): boolean => name === 'p' || name === 'h'

export async function parseOdf(archive: Archive): Promise<Content> {
  const manifest = await archive.read('META-INF/manifest.xml')
  if (manifest && Buffer.from(manifest).includes('encryption-data')) throw encrypted()
  const bytes = await archive.read('content.xml')
  if (!bytes) throw damaged()
  const properties = await firstTexts(await archive.read('meta.xml'), ['title', 'creator', 'initial-creator'])
  const author = (properties.creator ?? properties['initial-creator'])?.trim()
  const { text, heading } = await bodyOf(bytes)
  return { title: properties.title?.trim() || heading, text, metadata: author ? { author } : {} }
}

async function bodyOf(bytes: Uint8Array): Promise<{ text: string; heading: string | undefined }> {
  const blocks = createBlocks()
  let heading: string | undefined
  let unseenAt: number | undefined
  let number: string | undefined
  let reading = ''
  await readXml(bytes, {
    open(name, attributes, outer) {
      if (unseen.has(name)) unseenAt ??= outer.length
      if (unseenAt !== undefined) return
      if (isParagraph(name)) blocks.openParagraph()
      else if (tables[name]) {
        blocks.open(tables[name])
        if (name === 'table-cell') number = numberOf(attributes)
      } else blocks.addText(characterOf(name))
    },
    text(text, outer) {
      const inner = outer.at(-1) ?? ''
      if (unseenAt !== undefined) return
      if (inner === 'ruby-text') reading += text
      else if (inner === 'title' || inner === 'desc') blocks.addAside(text)
      else if (number === undefined) blocks.addText(withoutMarks(text))
    },
    close(name, outer) {
      if (unseenAt !== undefined) {
        if (outer.length === unseenAt) unseenAt = undefined
      } else if (name === 'ruby') {
        blocks.addText(asReading(reading))
        reading = ''
      } else if (isParagraph(name)) {
        const text = blocks.closeParagraph()
        if (name === 'h' && text) heading ??= text
      } else if (tables[name]) {
        // a number is shown rounded and stored whole
        if (name === 'table-cell' && number !== undefined) blocks.addAside(number)
        if (name === 'table-cell') number = undefined
        blocks.close(tables[name])
      }
    },
  })
  return { text: readingsBehind(blocks.text()), heading }
}

const numberOf = (attributes: Attributes): string | undefined =>
  attribute(attributes, 'value-type') === 'float' ? attribute(attributes, 'value') : undefined

function characterOf(name: string): string {
  if (name === 's') return ' '
  if (name === 'tab') return '\t'
  return name === 'line-break' ? '\n' : ''
}
