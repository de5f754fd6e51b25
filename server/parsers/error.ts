// What is wrong with a file: a stable code for programs, a message with the way out for people.

export type ParseErrorCode =
  | 'unsupported_type'
  | 'many_documents'
  | 'empty_file'
  | 'too_large'
  | 'bad_encoding'
  | 'nul_bytes'
  | 'not_a_pdf'
  | 'encrypted_pdf'
  | 'encrypted_file'
  | 'no_text'
  | 'bad_json'
  | 'bad_csv'
  | 'unreadable'
  | 'too_complex'

export class ParseError extends Error {
  readonly code: ParseErrorCode
  constructor(code: ParseErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
