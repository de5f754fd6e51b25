// PostgreSQL stores neither NUL nor half a surrogate pair. Fonts without a character map and escapes in JSON give both.

export const storable = (text: string): string => text.replaceAll('\0', '').toWellFormed()
