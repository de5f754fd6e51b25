// What .docx, .xlsx and .pptx have in common (Office Open XML): parts that refer to each other by relationships, properties,
// and text in paragraphs (p), runs (r) and tables (tbl, tr, tc). Macros are parts that nobody reads.

import { posix } from 'node:path'
import type { Archive } from './archive.ts'
import { createBlocks } from './blocks.ts'
import { asReading, readingsBehind, withoutMarks } from './readings.ts'
import { attribute, firstTexts, readXml } from './xml.ts'

export type Relationship = { id: string; type: string; target: string }

/** The parts that a part refers to; those of the package itself for the empty name. */
export async function relationshipsOf(archive: Archive, part: string): Promise<Relationship[]> {
  const bytes = await archive.read(posix.join(posix.dirname(part), '_rels', `${posix.basename(part)}.rels`))
  const found: Relationship[] = []
  if (!bytes) return found
  await readXml(bytes, {
    open(name, attributes) {
      const target = attribute(attributes, 'Target')
      if (name !== 'Relationship' || !target || attribute(attributes, 'TargetMode') === 'External') return
      const path = target.startsWith('/') ? target.slice(1) : posix.join(posix.dirname(part), target)
      // the last word of the type's address says what it is
      const type = attribute(attributes, 'Type')?.split('/').at(-1) ?? ''
      found.push({ id: attribute(attributes, 'Id') ?? '', type, target: path })
    },
  })
  return found
}

export type Properties = { title: string | undefined; metadata: Record<string, unknown> }

/** What programs write for a title when nobody gave one. */
const noTitle = /^(word document|powerpoint presentation|microsoft (word|excel|powerpoint).*|untitled)$/i

export async function propertiesOf(archive: Archive, part: string): Promise<Properties> {
  const { title, creator } = await firstTexts(await archive.read(part), ['title', 'creator'])
  const name = title?.trim()
  const author = creator?.trim()
  return { title: name && !noTitle.test(name) ? name : undefined, metadata: author ? { author } : {} }
}

export type Body = { text: string; heading: string | undefined }

/** Elements whose text is not shown: what was deleted or moved away, what repeats a drawing, what computes a field. */
const unseen = new Set(['del', 'moveFrom', 'Fallback', 'instrText', 'delText', 'delInstrText', 'rPh'])
/** A style or a placeholder that makes a paragraph a title. */
const titleStyle = /^(title|titel|titre|ctrTitle|heading ?1|berschrift1|titre1)$/i
const tables: Readonly<Record<string, 'table' | 'row' | 'cell'>> = { tbl: 'table', tr: 'row', tc: 'cell' }

/** The text of a part of WordprocessingML or DrawingML, and the first of its paragraphs that is a title. */
export async function bodyOf(bytes: Uint8Array): Promise<Body> {
  const blocks = createBlocks()
  let heading: string | undefined
  /** How deep the element is whose text is not shown. */
  let unseenAt: number | undefined
  let isHidden = false
  let isTitle = false
  let reading = ''
  await readXml(bytes, {
    open(name, attributes, outer) {
      if (unseen.has(name) || isSlideNumber(name, attributes)) unseenAt ??= outer.length
      if (unseenAt !== undefined) return
      const value = attribute(attributes, 'val')
      if (name === 'p' || name === 'comment') blocks.openParagraph()
      else if (tables[name]) blocks.open(tables[name])
      else if (name === 'r') isHidden = false
      else if (name === 'vanish' && outer.at(-2) === 'r') isHidden = !/^(0|false|off)$/.test(value ?? '')
      else if (name === 'pStyle') isTitle = titleStyle.test(value ?? '')
      else if (name === 'ph') isTitle = titleStyle.test(attribute(attributes, 'type') ?? '')
      else if (name === 'docPr' || name === 'cNvPr') blocks.addAside(attribute(attributes, 'descr') ?? '')
      else if (!isHidden) blocks.addText(characterOf(name, outer))
    },
    text(text, outer) {
      if (unseenAt !== undefined || isHidden || outer.at(-1) !== 't') return
      if (outer.includes('rt')) reading += text
      else blocks.addText(withoutMarks(text))
    },
    close(name, outer) {
      if (unseenAt !== undefined) {
        if (outer.length === unseenAt) unseenAt = undefined
      } else if (name === 'ruby') {
        blocks.addText(asReading(reading))
        reading = ''
      } else if (name === 'p' || name === 'comment') {
        const text = blocks.closeParagraph()
        if (isTitle && text) heading ??= text
        // a placeholder is one for all of its paragraphs, a style for its own
        if (!outer.includes('txBody')) isTitle = false
      } else if (name === 'sp') isTitle = false
      else if (tables[name]) blocks.close(tables[name])
    },
  })
  return { text: readingsBehind(blocks.text()), heading }
}

const isSlideNumber = (name: string, attributes: Readonly<Record<string, string>>): boolean =>
  name === 'fld' && /^(slidenum|datetime)/.test(attribute(attributes, 'type') ?? '')

/** Tab stops of a paragraph's style have the name of the character. */
function characterOf(name: string, outer: readonly string[]): string {
  const isInRun = outer.at(-1) === 'r' || outer.at(-1) === 'p'
  if (name === 'tab') return outer.at(-1) === 'r' ? '\t' : ''
  if (name === 'br' || name === 'cr') return isInRun ? '\n' : ''
  return name === 'noBreakHyphen' ? '-' : ''
}
