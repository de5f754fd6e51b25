-- The words of a text. PostgreSQL's own parser is not used: what it takes for a letter depends on the system it runs on, a run
-- of Chinese is one word to it, and TCP/IP, PO-001 and a mail address are one token each. Here a text is read as
-- parts, which have their positions: a run of letters, a run of digits, or a character of a script that is written
-- without spaces. Two parts that nothing but a joint such as / or - separates, or nothing at all, are also a pair, at the
-- position of the first. So TCP, IP and TCP/IP are found, 退款 is found in 申请退款, and a phrase is what it was. The
-- same functions read texts and questions (docs/search.md, docs/adr/0014).

-- Everything in Unicode's Basic Multilingual Plane that is neither letter, mark nor number, and the planes' symbols. A list and not
-- \w, because that depends on the locale. tests/knowledge/words.test.ts compares it with another table of Unicode.
create or replace function knowledge.separators() returns text
language sql immutable parallel safe
return '\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a9\u00ab\u00ac\u00ae-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u00d7'
  || '\u00f7\u02c2-\u02c5\u02d2-\u02df\u02e5-\u02eb\u02ed\u02ef-\u02ff\u0375\u037e\u0384\u0385\u0387\u03f6\u0482'
  || '\u055a-\u055f\u0589-\u058f\u05be\u05c0\u05c3\u05c6\u05f3-\u060f\u061b\u061d-\u061f\u066a-\u066d\u06d4\u06dd\u06de'
  || '\u06e9\u06fd\u06fe\u0700-\u070f\u07f6-\u07f9\u07fe\u07ff\u0830-\u083e\u085e\u0888\u0890\u0891\u08e2\u0964\u0965'
  || '\u0970\u09f2\u09f3\u09fa\u09fb\u09fd\u0a76\u0af0\u0af1\u0b70\u0bf3-\u0bfa\u0c77\u0c7f\u0c84\u0d4f\u0d79\u0df4\u0e3f'
  || '\u0e4f\u0e5a\u0e5b\u0f01-\u0f17\u0f1a-\u0f1f\u0f34\u0f36\u0f38\u0f3a-\u0f3d\u0f85\u0fbe-\u0fc5\u0fc7-\u0fda'
  || '\u104a-\u104f\u109e\u109f\u10fb\u1360-\u1368\u1390-\u1399\u1400\u166d\u166e\u1680\u169b\u169c\u16eb-\u16ed'
  || '\u1735\u1736\u17d4-\u17d6\u17d8-\u17db\u1800-\u180a\u1940-\u1945\u19de-\u19ff\u1a1e\u1a1f\u1aa0-\u1aa6\u1aa8-\u1aad'
  || '\u1b4e\u1b4f\u1b5a-\u1b6a\u1b74-\u1b7f\u1bfc-\u1bff\u1c3b-\u1c3f\u1c7e\u1c7f\u1cc0-\u1cc7\u1cd3\u1fbd\u1fbf-\u1fc1'
  || '\u1fcd-\u1fcf\u1fdd-\u1fdf\u1fed-\u1fef\u1ffd-\u200a\u2010-\u2029\u202f-\u205f\u207a-\u207e\u208a-\u208e'
  || '\u20a0-\u20c1\u2100\u2101\u2103-\u2106\u2108\u2109\u2114\u2116-\u2118\u211e-\u2123\u2125\u2127\u2129\u212e'
  || '\u213a\u213b\u2140-\u2144\u214a-\u214d\u214f\u218a-\u244a\u249c-\u24e9\u2500-\u2775\u2794-\u2bff\u2ce5-\u2cea'
  || '\u2cf9-\u2cfc\u2cfe\u2cff\u2d70\u2e00-\u2e2e\u2e30-\u3004\u3008-\u3020\u3030\u3036\u3037\u303d-\u303f\u309b\u309c'
  || '\u30a0\u30fb\u3190\u3191\u3196-\u319f\u31c0-\u31ef\u3200-\u321e\u322a-\u3247\u3250\u3260-\u327f\u328a-\u32b0'
  || '\u32c0-\u33ff\u4dc0-\u4dff\ua490-\ua4c6\ua4fe\ua4ff\ua60d-\ua60f\ua673\ua67e\ua6f2-\ua716\ua720\ua721\ua789\ua78a'
  || '\ua828-\ua82b\ua836-\ua839\ua874-\ua877\ua8ce\ua8cf\ua8f8-\ua8fa\ua8fc\ua92e\ua92f\ua95f\ua9c1-\ua9cd\ua9de\ua9df'
  || '\uaa5c-\uaa5f\uaa77-\uaa79\uaade\uaadf\uaaf0\uaaf1\uab5b\uab6a\uab6b\uabeb\ufb29\ufbb2-\ufbd2\ufd3e-\ufd4f'
  || '\ufd90\ufd91\ufdc8-\ufdcf\ufdfc-\ufdff\ufe10-\ufe19\ufe30-\ufe6b\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65'
  || '\uffe0-\ufffd'
  || '\U0001d000-\U0001d164\U0001d200-\U0001d35f\U0001f000-\U0001f0ff\U0001f10d-\U0001fbef';
comment on function knowledge.separators is
  'The characters that separate words, as the inside of a bracket expression.';

-- The scripts without spaces whose characters stand for themselves: Han, Kana, Bopomofo and Hangul. Korean has spaces, but joins
-- particles to its words, and so is searched best in the same way.
create or replace function knowledge.characters() returns text
language sql immutable parallel safe
return '\u1100-\u11ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303c\u3041-\u309a\u309d-\u309f\u30a1-\u30fa'
  || '\u30fc-\u318f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff'
  || '\U0001aff0-\U0001b16f\U00020000-\U0003ffff';
comment on function knowledge.characters is
  'The characters of Chinese, Japanese and Korean, as the inside of a bracket expression.';

create or replace function knowledge.base_characters() returns text
language sql immutable parallel safe
return '\u0e01-\u0e30\u0e32\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2\u0eb3\u0ebd\u0ec0-\u0ec6\u0edc-\u0edf\u1000-\u102a\u103f'
  || '\u1050-\u1055\u105a-\u105d\u1061\u1065\u1066\u106e-\u1070\u1075-\u1081\u108e\u1780-\u17b3\u17d7\u17dc';
comment on function knowledge.base_characters is
  'The characters of Thai, Lao, Burmese and Khmer that begin a cluster, as the inside of a bracket expression.';

create or replace function knowledge.dependent_characters() returns text
language sql immutable parallel safe
return '\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u1056-\u1059\u105e-\u1060\u1062-\u1064'
  || '\u1067-\u106d\u1071-\u1074\u1082-\u108d\u108f\u109a-\u109d\u17b6-\u17d3\u17dd';
comment on function knowledge.dependent_characters is
  'The vowel signs and other marks of Thai, Lao, Burmese and Khmer, which belong to the character before them, as the inside of a bracket expression.';

create or replace function knowledge.digits() returns text
language sql immutable parallel safe
return '0-9\u0660-\u0669\u06f0-\u06f9\u0966-\u096f\u09e6-\u09ef\u0e50-\u0e59\u0ed0-\u0ed9\u1040-\u1049\u1090-\u1099\u17e0-\u17e9';
comment on function knowledge.digits is
  'The digits of the scripts whose digits are not letters here, as the inside of a bracket expression.';

create or replace function knowledge.character_pattern() returns text
language sql immutable parallel safe
return format('[%1$s]|[%2$s](?:[\u1039\u17d2][%2$s]|[%3$s])*|[%3$s]',
  knowledge.characters(), knowledge.base_characters(), knowledge.dependent_characters());
comment on function knowledge.character_pattern is
  'The regular expression of one character of a script without spaces, with the marks and the stacked consonants that belong to it.';

create or replace function knowledge.letter_pattern() returns text
language sql immutable parallel safe
return format('[^\u001d-\u001f%s%s%s%s%s]', knowledge.separators(), knowledge.characters(), knowledge.base_characters(),
  knowledge.dependent_characters(), knowledge.digits());
comment on function knowledge.letter_pattern is
  'The regular expression of a letter of a script with spaces, or of a mark on it.';

create or replace function knowledge.word_pattern() returns text
language sql immutable parallel safe
return knowledge.letter_pattern() || '+|[' || knowledge.digits() || ']+';
comment on function knowledge.word_pattern is
  'The regular expression of a run of letters or of digits.';

create or replace function knowledge.has_characters(content text) returns boolean
language sql immutable parallel safe
return content ~ ('[' || knowledge.characters() || knowledge.base_characters() || knowledge.dependent_characters() || ']');
comment on function knowledge.has_characters is
  'Whether a text has characters of a script without spaces.';

create or replace function knowledge.fold_text(content text) returns text
language sql immutable parallel safe
return case
  -- ASCII
  when octet_length(content) = length(content) then content
  else replace(replace(translate(
    regexp_replace(
      normalize(
        -- soft hyphens, zero-width characters and variation selectors; what Arabic and Hebrew leave out in writing
        regexp_replace(content,
          '[\u00ad\u034f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u061c\u0640\u064b-\u065f\u0670\u180b-\u180f\u200b-\u200f'
          || '\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ef]', '', 'g'), nfkc),
      -- the normal form of an accent that stands alone is a space and a mark, which belongs to no letter
      ' [\u0300-\u036f\u3099\u309a]+', ' ', 'g'),
    U&'\2010\2212\03C2\0660\0661\0662\0663\0664\0665\0666\0667\0668\0669\06F0\06F1\06F2\06F3\06F4\06F5\06F6\06F7\06F8\06F9\0966\0967\0968\0969\096A\096B\096C\096D\096E\096F\09E6\09E7\09E8\09E9\09EA\09EB\09EC\09ED\09EE\09EF\0E50\0E51\0E52\0E53\0E54\0E55\0E56\0E57\0E58\0E59\0ED0\0ED1\0ED2\0ED3\0ED4\0ED5\0ED6\0ED7\0ED8\0ED9\1040\1041\1042\1043\1044\1045\1046\1047\1048\1049\1090\1091\1092\1093\1094\1095\1096\1097\1098\1099\17E0\17E1\17E2\17E3\17E4\17E5\17E6\17E7\17E8\17E9',
    U&'--\03C3' || repeat('0123456789', 9)),
    -- The normal form of these two vowels of Thai and Lao takes them apart.
    U&'\0E4D\0E32', U&'\0E33'), U&'\0ECD\0EB2', U&'\0EB3')
end;
comment on function knowledge.fold_text is
  'A text as its words are compared: in compatibility form (NFKC), so that ｗｉｎｇ is wing and ﬁ is fi, without soft hyphens and invisible characters, without the vowel points of Arabic and Hebrew, and with the digits 0 to 9.';

create or replace function knowledge.mark_borders(content text) returns text
language plpgsql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
declare
  v_letter constant text := knowledge.letter_pattern();
  v_text text := mark_borders.content;
begin
  if v_text ~ '[a-zß-öø-ÿα-ωа-яё][A-ZÀ-ÖØ-ÞΑ-ΩА-ЯЁ]|[A-Z][A-Z][a-z][a-z]' then
    v_text := regexp_replace(v_text, '([a-zß-öø-ÿα-ωа-яё])([A-ZÀ-ÖØ-ÞΑ-ΩА-ЯЁ])', e'\\1\x1f\\2', 'g');
    v_text := regexp_replace(v_text, '([A-Z])([A-Z][a-z][a-z])', e'\\1\x1f\\2', 'g');
  end if;
  if v_text ~ '[0-9]' then
    v_text := regexp_replace(v_text, '(' || v_letter || ')([0-9])', e'\\1\x1e\\2', 'g');
    v_text := regexp_replace(v_text, '([0-9])(' || v_letter || ')', e'\\1\x1e\\2', 'g');
  end if;
  if knowledge.has_characters(v_text) then
    v_text := regexp_replace(v_text, knowledge.character_pattern(), e'\x1d\\&\x1d', 'g');
    -- Two of these marks are the border of two characters, one is a space.
    v_text := replace(replace(replace(v_text, e'\x1d\x1d', e'\x1c'), e'\x1d', ' '), e'\x1c', e'\x1d');
  end if;
  return v_text;
end
$$;

comment on function knowledge.mark_borders is
  'A text with a control character at each hump of a word (camelCase, HTTPServer: U+001F), between letters and digits (U+001E) and between characters of a script without spaces (U+001D).';

create or replace function knowledge.spell_out(content text) returns text
language plpgsql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
declare
  v_separators constant text := knowledge.separators();
  v_text text := knowledge.fold_text(spell_out.content);
begin
  -- What is neither a letter nor a joint is a space. Several joints in a row are no joint, nor is one at the end of a word, nor one at its
  -- beginning that is not the sign of a number.
  v_text := regexp_replace(v_text, '[\u0001-\u001f!-%''-*,;-?[\]^`{-\u007f' || substr(v_separators, strpos(v_separators, '\u007b')) || ']+', ' ', 'g');
  v_text := regexp_replace(v_text, '[-./\\_@:+&]{2,}', ' ', 'g');
  v_text := ' ' || knowledge.mark_borders(v_text) || ' ';
  v_text := regexp_replace(v_text, '[-./\\_@:+&] ', ' ', 'g');
  v_text := regexp_replace(v_text, ' (?:[./\\_@:&]|[-+](?![0-9]))', ' ', 'g');
  v_text := regexp_replace(v_text, '([^ ][-./\\_@:+&\u001d-\u001f])', '\1 ', 'g');
  return btrim(regexp_replace(v_text, ' {2,}', ' ', 'g'));
end
$$;
comment on function knowledge.spell_out is
  'A text as the list of its parts with one space between them. A part that is joined to the next one has the joint at its end: - . / \ _ @ : + or &, or a control character for a hump (U+001F), the border of letters and digits (U+001E) or that of two characters (U+001D).';

create or replace function knowledge.longest_part() returns int
language sql immutable parallel safe return 255;
comment on function knowledge.longest_part is
  'How many characters of a part count. A pair of two such parts is as long as a lexeme may be.';

create or replace function knowledge.joints() returns text
language sql immutable parallel safe return e'-./\\_@:+&\x1d\x1e\x1f';
comment on function knowledge.joints is 'The characters that join a part to the next one in the result of knowledge.spell_out.';

create or replace function knowledge.pair(dictionary regdictionary, part text, joint text, next text) returns text
language sql immutable parallel safe
return case
  when joint = '-' and part !~ '^[0-9]' and next !~ '^[0-9]' then
    (ts_lexize(dictionary, left(part, knowledge.longest_part()) || '-' || left(next, knowledge.longest_part())))[1]
  else lower(left(part, knowledge.longest_part()) || translate(joint, e'\x1d\x1e\x1f', '') || left(next, knowledge.longest_part()))
end;
comment on function knowledge.pair is
  'The term of two parts that a joint joins. Words with a hyphen have their stem.';

create or replace function knowledge.terms(config regconfig, content text, is_question boolean default false)
returns table (term text, place int)
language sql immutable parallel safe
begin atomic
  with reading as materialized (
    select knowledge.dictionary(terms.config) as dictionary, knowledge.ascii_dictionary(terms.config) as ascii_dictionary
  ), token as materialized (
    select t.n::int as place, rtrim(ltrim(t.token, '-+'), knowledge.joints()) as part,
           left(t.token, 1) as first, right(t.token, 1) as last,
           lag(t.token) over () as previous, lead(t.token) over () as next
      from string_to_table(knowledge.spell_out(terms.content), ' ') with ordinality as t (token, n)
  )
  -- A question asks for single characters only when it has a single one.
  select u.term, t.place
    from reading r, token t
   cross join lateral unnest(ts_lexize(
     case when r.ascii_dictionary <> r.dictionary and t.part ~ '^[A-Za-z]+$' then r.ascii_dictionary else r.dictionary end,
     left(t.part, knowledge.longest_part()))) as u (term)
   where not (terms.is_question and e'\x1d' in (t.last, right(coalesce(t.previous, ''), 1)))
  union all
  select knowledge.pair(r.dictionary, t.part, t.last, rtrim(t.next, knowledge.joints())), t.place
    from reading r, token t
   where strpos(knowledge.joints(), t.last) > 0 and t.part <> ''
  union all
  select t.first || left(t.part, knowledge.longest_part()), t.place
    from token t
   where t.first in ('-', '+')
  union all
  -- A word with humps is also the whole word. A question does not need it, because its parts and pairs are the word.
  select u.term, w.place
    from reading r
   cross join (
      select min(h.place) as place, string_agg(h.part, '' order by h.place) as word
        from (
          select t.place, t.part, count(*) filter (where right(t.previous, 1) is distinct from e'\x1f') over (order by t.place) as word_number
            from token t
           where (t.last = e'\x1f' or right(t.previous, 1) = e'\x1f') and not terms.is_question) h
       group by h.word_number) w
   cross join lateral unnest(ts_lexize(r.ascii_dictionary, left(w.word, knowledge.longest_part()))) as u (term);
end;
comment on function knowledge.terms is
  'The terms of a text or of a question, with their places among the parts, from 1.';

create or replace function knowledge.term_vector(config regconfig, content text) returns tsvector
language sql immutable parallel safe
return (
  select coalesce(string_agg(core.tsquery_term(t.term) || ':' || t.place, ' '), '')::tsvector
    from knowledge.terms(config, content) t);
comment on function knowledge.term_vector is
  'The terms of a text as a tsvector.';

create or replace function knowledge.search_vector(config regconfig, title text, chunk text) returns tsvector
language sql immutable parallel safe
return setweight(knowledge.term_vector(config, title), 'A') || knowledge.term_vector(config, chunk);
comment on function knowledge.search_vector is
  'The terms of a chunk and of the title of its document; those of the title have weight A.';

create or replace function knowledge.token_count(vector tsvector) returns int
language sql immutable parallel safe
-- unnest among the columns, not in "from": there its result would be stored for each term.
return (select count(distinct s.position)::int from (select unnest(v.positions) as position from unnest(vector) v) s);
comment on function knowledge.token_count is
  'The length of a text for BM25: its parts without stop words. Terms that share a position, such as a part and the pair that begins with it, count once. A term counts at most 255 times, because a tsvector keeps no more positions.';
