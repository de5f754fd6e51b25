// Text from paragraphs and tables, as the parts of office files open and close them. A table may stand in a cell of another,
// a paragraph (of a text box, a note) within another.

/** A row is a line of its cells. A row with a cell of several lines, such as a list, has each cell in lines of its own. */
export function rowText(row: string[]): string {
  const texts = row.map((text) => text.trim()).filter(Boolean)
  return texts.join(texts.some((text) => text.includes('\n')) ? '\n' : '   ')
}

type Frame = { kind: 'document' | 'table' | 'row' | 'cell'; parts: string[] }

export type Blocks = {
  openParagraph: () => void
  /** Text outside of a paragraph is white space between elements, and left out. */
  addText: (text: string) => void
  /** Gives the paragraph's text. */
  closeParagraph: () => string
  open: (kind: 'table' | 'row' | 'cell') => void
  close: (kind: 'table' | 'row' | 'cell') => void
  /** The words for a picture: within the paragraph that it stands in, else a block of its own. */
  addAside: (text: string) => void
  text: () => string
}

const joined: Readonly<Record<Frame['kind'], (parts: string[]) => string>> = {
  document: (parts) => parts.join('\n\n'),
  table: (parts) => parts.join('\n'),
  row: rowText,
  cell: (parts) => parts.join('\n'),
}

export function createBlocks(): Blocks {
  const document: Frame = { kind: 'document', parts: [] }
  const frames: Frame[] = [document]
  const paragraphs: string[][] = []
  const add = (text: string): void => {
    if (text.trim()) frames.at(-1)?.parts.push(text.trim())
  }
  const closeFrame = (): void => {
    const frame = frames.pop() as Frame
    add(joined[frame.kind](frame.parts))
  }
  return {
    openParagraph: () => void paragraphs.push([]),
    addText: (text) => void paragraphs.at(-1)?.push(text),
    closeParagraph: () => {
      const text = (paragraphs.pop() ?? []).join('')
      add(text)
      return text.trim()
    },
    open: (kind) => void frames.push({ kind, parts: [] }),
    close: (kind) => {
      // an end without its beginning is no end
      if (frames.at(-1)?.kind === kind) closeFrame()
    },
    addAside: (text) => {
      const paragraph = paragraphs.at(-1)
      if (!paragraph) add(text)
      else if (text.trim()) paragraph.push(` ${text.trim()} `)
    },
    text: () => {
      while (frames.length > 1) closeFrame()
      return joined.document(document.parts)
    },
  }
}
