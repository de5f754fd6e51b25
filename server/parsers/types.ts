// What the parsers give and take. A file of its own, so that no parser needs the one that calls it.

export type InputFile = { name: string; mediaType?: string; bytes: Uint8Array }
export type ParsedDocument = { title: string; text: string; metadata: Record<string, unknown> }
/** What a format's parser gives; a title only when the file has one of its own. */
export type Content = { title?: string | undefined; text: string; metadata?: Record<string, unknown> }

/** A file of one of these is one document. A zip archive says by its parts whether it is .docx, .epub or another. */
export type DocumentFormat = 'markdown' | 'text' | 'html' | 'pdf' | 'csv' | 'json' | 'eml' | 'zip'
export type Format = DocumentFormat | 'jsonl'

/** What somebody who knows the file says about it, so that it need not be guessed. */
export type Hints = { encoding?: string | undefined; separator?: string | undefined }
