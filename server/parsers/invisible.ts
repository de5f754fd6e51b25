// Characters that nobody sees break words in two: "Bun\u00ADdes" is a word to the reader and two to a search. Soft
// hyphens, zero-width spaces, byte-order marks and marks of direction are left out. The zero-width joiners mean something
// in Arabic and Indic scripts and in emoji, and nothing in the alphabets that never join.

const invisible = /\u034F|[\u00AD\u180E\u200B\u200E\u200F\u202A-\u202E\u2060-\u2064\u2066-\u2069\uFEFF]/g
// one at a time: a run of them, tried from each of its characters, would take a time that grows with its square
const joiners =
  /(?<=[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}0-9])[\u200C\u200D]|[\u200C\u200D](?=[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}0-9])/gu

export const withoutInvisible = (text: string): string => text.replaceAll(invisible, '').replaceAll(joiners, '')
