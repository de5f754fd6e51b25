// Writes small office files: the parts that matter, zipped as their programs do it.

import { strToU8, type Zippable, zipSync } from 'fflate'

const xml = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
export const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

export function zipped(parts: Record<string, string | Uint8Array>, level: 0 | 6 = 6): Uint8Array {
  const files: Zippable = {}
  for (const [name, content] of Object.entries(parts))
    files[name] = typeof content === 'string' ? strToU8(content) : content
  return zipSync(files, { level })
}

const office = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
type Target = [type: string, target: string]
export const relationships = (targets: Target[]): string =>
  `${xml}<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">${targets
    .map(([type, target], i) => `<Relationship Id="rId${i + 1}" Type="${office}/${type}" Target="${target}"/>`)
    .join('')}</Relationships>`

const properties = (title?: string, author?: string): string =>
  `${xml}<cp:coreProperties xmlns:cp="cp" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>${escaped(title ?? '')}</dc:title><dc:creator>${escaped(author ?? '')}</dc:creator></cp:coreProperties>`

type Names = { title?: string; author?: string }
const word = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:mc="mc" xmlns:wp="wp"'

/** The body in WordprocessingML, and other parts by the type of their relationship. */
export function docxFile(body: string, others: Record<string, string> = {}, names: Names = {}): Uint8Array {
  const parts = Object.entries(others)
  return zipped({
    '[Content_Types].xml': `${xml}<Types/>`,
    '_rels/.rels': relationships([['officeDocument', 'word/document.xml']]),
    'word/document.xml': `${xml}<w:document ${word}><w:body>${body}</w:body></w:document>`,
    'word/_rels/document.xml.rels': relationships(parts.map(([type]) => [type, `${type}.xml`])),
    ...Object.fromEntries(
      parts.map(([type, part]) => [`word/${type}.xml`, `${xml}<w:${type} ${word}>${part}</w:${type}>`]),
    ),
    'docProps/core.xml': properties(names.title, names.author),
  })
}
export const paragraph = (text: string, style = ''): string =>
  `<w:p>${style && `<w:pPr><w:pStyle w:val="${style}"/></w:pPr>`}<w:r><w:t xml:space="preserve">${escaped(text)}</w:t></w:r></w:p>`
export const wordTable = (rows: string[][]): string =>
  `<w:tbl>${rows.map((row) => `<w:tr>${row.map((cell) => `<w:tc>${paragraph(cell)}</w:tc>`).join('')}</w:tr>`).join('')}</w:tbl>`

/** Slides of DrawingML paragraphs, the first of each a title; with the notes of each. */
export function pptxFile(slides: { texts: string[]; notes?: string }[], names: Names = {}): Uint8Array {
  const parts: Record<string, string> = {
    '_rels/.rels': relationships([['officeDocument', 'ppt/presentation.xml']]),
    'ppt/presentation.xml': `${xml}<p:presentation xmlns:p="p" xmlns:r="r"><p:sldIdLst>${slides
      .map((_, i) => `<p:sldId id="${256 + i}" r:id="rId${i + 1}"/>`)
      .join('')}</p:sldIdLst></p:presentation>`,
    'ppt/_rels/presentation.xml.rels': relationships(slides.map((_, i) => ['slide', `slides/slide${i + 1}.xml`])),
    'docProps/core.xml': properties(names.title, names.author),
  }
  const shape = (text: string, type: string): string =>
    `<p:sp><p:nvSpPr><p:nvPr><p:ph type="${type}"/></p:nvPr></p:nvSpPr><p:txBody><a:p><a:r><a:t>${escaped(text)}</a:t></a:r></a:p></p:txBody></p:sp>`
  for (const [i, { texts, notes }] of slides.entries()) {
    parts[`ppt/slides/slide${i + 1}.xml`] =
      `${xml}<p:sld xmlns:p="p" xmlns:a="a">${texts.map((text, n) => shape(text, n === 0 ? 'title' : 'body')).join('')}</p:sld>`
    if (notes === undefined) continue
    parts[`ppt/slides/_rels/slide${i + 1}.xml.rels`] = relationships([
      ['notesSlide', `../notesSlides/notes${i + 1}.xml`],
    ])
    parts[`ppt/notesSlides/notes${i + 1}.xml`] =
      `${xml}<p:notes xmlns:p="p" xmlns:a="a">${shape(notes, 'body')}<p:txBody><a:p><a:fld type="slidenum"><a:t>${i + 1}</a:t></a:fld></a:p></p:txBody></p:notes>`
  }
  return zipped(parts)
}

/** Cells as SpreadsheetML: a text is shared, anything else stands as it is. */
export type SheetCell = string | { v: string; s?: number; t?: string }
type Sheets = Record<string, SheetCell[][]>

export function xlsxFile(sheets: Sheets, { startsIn1904 = false, styles = '' } = {}): Uint8Array {
  const shared: string[] = []
  const cell = (value: SheetCell): string => {
    if (typeof value !== 'string')
      return `<c${value.s === undefined ? '' : ` s="${value.s}"`}${value.t ? ` t="${value.t}"` : ''}><v>${value.v}</v></c>`
    return value === '' ? '<c/>' : `<c t="s"><v>${shared.push(value) - 1}</v></c>`
  }
  const names = Object.keys(sheets)
  const parts: Record<string, string> = {}
  for (const [i, rows] of Object.values(sheets).entries())
    parts[`xl/worksheets/sheet${i + 1}.xml`] =
      `${xml}<worksheet><sheetData>${rows.map((row) => `<row>${row.map(cell).join('')}</row>`).join('')}</sheetData></worksheet>`
  return zipped({
    '_rels/.rels': relationships([['officeDocument', 'xl/workbook.xml']]),
    'xl/workbook.xml': `${xml}<workbook xmlns:r="r"><workbookPr date1904="${startsIn1904}"/><sheets>${names
      .map((name, i) => `<sheet name="${escaped(name)}" sheetId="${i + 1}" r:id="rId${i + 1}"/>`)
      .join('')}</sheets></workbook>`,
    'xl/_rels/workbook.xml.rels': relationships([
      ...names.map((_, i): Target => ['worksheet', `worksheets/sheet${i + 1}.xml`]),
      ['sharedStrings', 'sharedStrings.xml'],
      ['styles', 'styles.xml'],
    ]),
    'xl/sharedStrings.xml': `${xml}<sst>${shared.map((text) => `<si><t xml:space="preserve">${escaped(text)}</t></si>`).join('')}</sst>`,
    'xl/styles.xml': `${xml}<styleSheet>${styles}</styleSheet>`,
    ...parts,
  })
}

export const odfFile = (type: 'text' | 'spreadsheet', body: string, names: Names = {}): Uint8Array =>
  zipped({
    mimetype: `application/vnd.oasis.opendocument.${type}`,
    'content.xml': `${xml}<office:document-content xmlns:office="o" xmlns:text="t" xmlns:table="tb" xmlns:draw="d" xmlns:svg="s"><office:body><office:${type}>${body}</office:${type}></office:body></office:document-content>`,
    'meta.xml': `${xml}<office:document-meta><office:meta><dc:title>${escaped(names.title ?? '')}</dc:title><dc:creator>${escaped(names.author ?? '')}</dc:creator></office:meta></office:document-meta>`,
    'META-INF/manifest.xml': `${xml}<manifest:manifest/>`,
  })

/** Chapters of XHTML, in the order of the book. */
export const epubFile = (chapters: string[], { title = '', author = '' }: Names = {}): Uint8Array =>
  zipped({
    mimetype: 'application/epub+zip',
    'META-INF/container.xml': `${xml}<container><rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>`,
    'OEBPS/book.opf': `${xml}<package xmlns:dc="dc"><metadata><dc:title>${escaped(title)}</dc:title><dc:creator>${escaped(author)}</dc:creator><dc:language>de</dc:language></metadata><manifest>${chapters
      .map((_, i) => `<item id="c${i}" href="text/chapter%20${i}.xhtml" media-type="application/xhtml+xml"/>`)
      .join('')}</manifest><spine>${chapters.map((_, i) => `<itemref idref="c${i}"/>`).join('')}</spine></package>`,
    ...Object.fromEntries(
      chapters.map((body, i) => [
        `OEBPS/text/chapter ${i}.xhtml`,
        `${xml}<html xmlns="http://www.w3.org/1999/xhtml"><head><title/><script src="x.js"/></head><body>${body}</body></html>`,
      ]),
    ),
  })
