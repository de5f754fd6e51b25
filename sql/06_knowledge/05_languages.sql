-- Languages: which language a text is in, and how its words are read. A source says its language, or each of its documents
-- has the one that its metadata name or that is detected. Nothing here depends on anything but its arguments.

create or replace function knowledge.text_search_config(language text) returns regconfig
language plpgsql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
begin
  return case split_part(lower(language), '-', 1)
    when 'ar' then 'pg_catalog.arabic' when 'ara' then 'pg_catalog.arabic'
    when 'hy' then 'pg_catalog.armenian' when 'hye' then 'pg_catalog.armenian'
    when 'eu' then 'pg_catalog.basque' when 'eus' then 'pg_catalog.basque'
    when 'ca' then 'pg_catalog.catalan' when 'cat' then 'pg_catalog.catalan'
    when 'da' then 'pg_catalog.danish' when 'dan' then 'pg_catalog.danish'
    when 'nl' then 'pg_catalog.dutch' when 'nld' then 'pg_catalog.dutch'
    when 'en' then 'pg_catalog.english' when 'eng' then 'pg_catalog.english'
    when 'fi' then 'pg_catalog.finnish' when 'fin' then 'pg_catalog.finnish'
    when 'fr' then 'pg_catalog.french' when 'fra' then 'pg_catalog.french'
    when 'de' then 'pg_catalog.german' when 'deu' then 'pg_catalog.german'
    when 'el' then 'pg_catalog.greek' when 'ell' then 'pg_catalog.greek'
    when 'hi' then 'pg_catalog.hindi' when 'hin' then 'pg_catalog.hindi'
    when 'hu' then 'pg_catalog.hungarian' when 'hun' then 'pg_catalog.hungarian'
    when 'id' then 'pg_catalog.indonesian' when 'ind' then 'pg_catalog.indonesian'
    when 'ga' then 'pg_catalog.irish' when 'gle' then 'pg_catalog.irish'
    when 'it' then 'pg_catalog.italian' when 'ita' then 'pg_catalog.italian'
    when 'lt' then 'pg_catalog.lithuanian' when 'lit' then 'pg_catalog.lithuanian'
    when 'ne' then 'pg_catalog.nepali' when 'nep' then 'pg_catalog.nepali'
    when 'no' then 'pg_catalog.norwegian' when 'nor' then 'pg_catalog.norwegian'
    when 'nb' then 'pg_catalog.norwegian' when 'nob' then 'pg_catalog.norwegian'
    when 'nn' then 'pg_catalog.norwegian' when 'nno' then 'pg_catalog.norwegian'
    when 'pt' then 'pg_catalog.portuguese' when 'por' then 'pg_catalog.portuguese'
    when 'ro' then 'pg_catalog.romanian' when 'ron' then 'pg_catalog.romanian' when 'mo' then 'pg_catalog.romanian'
    when 'ru' then 'pg_catalog.russian' when 'rus' then 'pg_catalog.russian'
    when 'sr' then 'pg_catalog.serbian' when 'srp' then 'pg_catalog.serbian'
    when 'es' then 'pg_catalog.spanish' when 'spa' then 'pg_catalog.spanish'
    when 'sv' then 'pg_catalog.swedish' when 'swe' then 'pg_catalog.swedish'
    when 'ta' then 'pg_catalog.tamil' when 'tam' then 'pg_catalog.tamil'
    when 'tr' then 'pg_catalog.turkish' when 'tur' then 'pg_catalog.turkish'
    when 'yi' then 'pg_catalog.yiddish' when 'yid' then 'pg_catalog.yiddish'
    else 'pg_catalog.simple'
  end::regconfig;
end
$$;
comment on function knowledge.text_search_config is
  'The text-search configuration for a language tag (BCP 47) such as en, pt-BR or zh-Hant-TW, by its language subtag of two or three letters; simple, which has no stems and no stop words, when PostgreSQL has none for the language, or for null.';

create or replace function knowledge.dictionary(config regconfig) returns regdictionary
language plpgsql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
begin
  return case config when 'pg_catalog.simple'::regconfig then 'pg_catalog.simple' else 'pg_catalog.' || config || '_stem' end::regdictionary;
end
$$;
comment on function knowledge.dictionary is
  'The dictionary by which a text-search configuration of PostgreSQL reads words.';

create or replace function knowledge.ascii_dictionary(config regconfig) returns regdictionary
language plpgsql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
begin
  return case
    when config in ('pg_catalog.russian'::regconfig, 'pg_catalog.hindi'::regconfig) then 'pg_catalog.english_stem'::regdictionary
    else knowledge.dictionary(config)
  end;
end
$$;
comment on function knowledge.ascii_dictionary is
  'The dictionary by which a text-search configuration of PostgreSQL reads words of ASCII letters: in Russian and Hindi they are English.';

create or replace function knowledge.script_language(content text) returns text
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  with script (name, letters) as (
    values ('latin', regexp_count(content, '[A-Za-z\u00c0-\u024f\u1e00-\u1eff]')),
           ('cyrillic', regexp_count(content, '[\u0400-\u052f]')),
           ('arabic', regexp_count(content, '[\u0620-\u064a\u066e-\u06d3]')),
           ('el', regexp_count(content, '[\u0370-\u03ff\u1f00-\u1fff]')),
           ('he', regexp_count(content, '[\u05d0-\u05ea\u05f0-\u05f2]')),
           ('devanagari', regexp_count(content, '[\u0900-\u0963\u0970-\u097f]')),
           ('bn', regexp_count(content, '[\u0980-\u09e3]')),
           ('pa', regexp_count(content, '[\u0a00-\u0a65\u0a70-\u0a7f]')),
           ('gu', regexp_count(content, '[\u0a80-\u0ae5]')),
           ('ta', regexp_count(content, '[\u0b80-\u0be5]')),
           ('te', regexp_count(content, '[\u0c00-\u0c65]')),
           ('kn', regexp_count(content, '[\u0c80-\u0ce5]')),
           ('ml', regexp_count(content, '[\u0d00-\u0d65]')),
           ('si', regexp_count(content, '[\u0d80-\u0de5]')),
           ('th', regexp_count(content, '[\u0e01-\u0e3a\u0e40-\u0e4e]')),
           ('lo', regexp_count(content, '[\u0e81-\u0ece]')),
           ('my', regexp_count(content, '[\u1000-\u103f\u1050-\u108f]')),
           ('ka', regexp_count(content, '[\u10a0-\u10ff]')),
           ('am', regexp_count(content, '[\u1200-\u135a]')),
           ('km', regexp_count(content, '[\u1780-\u17dd]')),
           ('hy', regexp_count(content, '[\u0531-\u0587]')),
           ('ko', regexp_count(content, '[\u1100-\u11ff\uac00-\ud7a3]')),
           ('han', regexp_count(content, '[\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff]'))
  )
  select case name
           -- A tenth of Japanese is Kana, or more; Chinese quotes a little of it.
           when 'han' then case when regexp_count(content, '[\u3041-\u30ff]') * 10 >= letters then 'ja' else 'zh' end
           when 'arabic' then case
             when content ~ '[ٹڈڑںے]' then 'ur' when content ~ '[پچژگ]' and content ~ '[یک]' then 'fa' else 'ar' end
           when 'cyrillic' then case
             when content ~* '[ђћџљњј]' then 'sr' when content ~* '[іїєґ]' and content !~* '[ыэъё]' then 'uk' else 'ru' end
           when 'devanagari' then case when content ~ '(छ|हरू|लाई)' and content !~ '(है|में)' then 'ne' else 'hi' end
           when 'he' then case when content ~ '[\u05f0-\u05f2]|אַ|אָ' then 'yi' else 'he' end
           else name
         end
    from script
   where letters > 0
   order by letters desc, name limit 1;
$$;
comment on function knowledge.script_language is
  'The language that the script of a text belongs to; latin for a text in the Latin script, null for one without letters.';

-- The languages with stop words of PostgreSQL's own need no list here. The others have the commonest words of each.
create or replace function knowledge.common_words(language text) returns text[]
language sql immutable parallel safe
return case language
  when 'ca' then '{el,la,els,les,de,del,dels,i,que,en,un,una,és,per,amb,no,es,al,als,més,ha,són,va,ser,aquest,aquesta,però,com,seva,seu,d,l}'
  when 'cs' then '{a,se,v,na,je,že,o,s,z,do,i,to,k,ve,pro,za,by,ale,si,po,jako,jsou,který,která,které,od,jeho,při,nebo,byl,být,není,také,už,jsem}'
  when 'et' then '{ja,on,ei,et,kui,oli,see,ka,aga,oma,selle,mis,või,siis,ning,kes,seda,nii,ma,ta,mida,nende,välja,pole,veel,olid,tema}'
  when 'eu' then '{eta,da,ez,bat,du,zen,izan,dira,ere,egin,hau,baina,dute,zuen,beste,edo,oso,behar,den,dela,bere,horrek}'
  when 'fil' then '{ang,ng,sa,na,mga,at,ay,si,ni,hindi,para,kung,ito,siya,ako,nang,may,din,ko,mo,niya,pero,kanyang,isang}'
  when 'ga' then '{an,na,agus,ar,ag,i,le,is,tá,go,a,bhí,do,sé,ó,leis,seo,sin,de,ach,mar,siad,faoi,nó,chun}'
  when 'hr' then '{i,u,je,na,se,da,za,su,od,s,o,a,kao,koji,što,koja,ne,iz,ili,biti,bio,te,nije,ali,bi,do,po,sa,kako,samo,koje,će}'
  when 'id' then '{yang,dan,di,dari,untuk,dengan,ini,itu,pada,adalah,dalam,ke,tidak,akan,oleh,juga,sebagai,atau,karena,ada,mereka,kita,bisa,saya,telah,dapat,lebih,sudah}'
  when 'lt' then '{ir,yra,kad,su,į,iš,bet,kaip,tai,ne,apie,per,jo,jis,buvo,už,ar,nuo,jų,dėl,tik,po,būti,kuris,kurie,taip,ji,dar}'
  when 'lv' then '{un,ir,ar,ka,no,uz,par,bet,kas,to,tas,kā,arī,vai,pēc,viņš,nav,bija,tika,lai,tā,pie,savu,gadā,kurā}'
  when 'pl' then '{w,i,na,z,się,do,nie,to,że,jest,o,od,po,jak,za,przez,dla,co,ale,są,przy,który,która,które,był,być,oraz,lub,tego,tym,jego,też,może}'
  when 'ro' then '{și,de,în,a,la,cu,pe,un,o,din,este,nu,care,să,mai,ce,pentru,au,sau,prin,fi,sunt,fost,al,ale,ca,dar,lui,după,cel,această}'
  when 'sk' then '{a,v,na,sa,je,že,o,s,z,do,to,k,vo,pre,za,by,ale,si,po,ako,sú,ktorý,ktorá,ktoré,od,jeho,pri,alebo,bol,byť,nie,tiež,už,som}'
  when 'sl' then '{in,je,v,na,se,da,za,so,od,z,o,pa,kot,ki,ne,iz,ali,bil,bi,do,po,ni,tudi,ob,ter,kako,samo,pri,še,lahko}'
  when 'sw' then '{ya,na,wa,kwa,ni,za,katika,la,cha,kama,hii,hiyo,huo,yake,wake,au,lakini,pia,sana,ili,kuwa,watu,bila,hivyo,vya}'
  when 'vi' then '{và,của,là,có,được,trong,cho,không,với,các,một,này,những,để,người,khi,đã,từ,đến,về,như,cũng,ra,ở,tại,vào}'
end::text[];
comment on function knowledge.common_words is
  'The commonest words of a language in the Latin script for which PostgreSQL has no list of stop words; null for the others.';

create or replace function knowledge.detect_language(content text) returns text
language plpgsql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
declare
  -- Enough to tell languages apart; reading more takes longer and tells no more.
  v_sample constant text := left(detect_language.content, 3000);
  v_word_limit constant int := 200;
  -- A text of a language has several of its commonest words, and at least this share of it are such words.
  v_fewest constant int := 3;
  v_smallest_share constant double precision := 0.15;
  -- So many words without common words are not English either.
  v_telling_length constant int := 30;
  v_language text;
  v_words text[];
  v_best text;
  v_best_count int;
begin
  -- The scripts are counted only where there is another one: most texts have none.
  if v_sample ~ '[^\u0001-\u024f\u1e00-\u1eff\u2000-\u206f]' then
    v_language := knowledge.script_language(v_sample);
    if v_language <> 'latin' then
      return v_language;
    end if;
  end if;
  v_words := array(
    select lower(w.m[1]) from regexp_matches(normalize(v_sample, nfc), '[A-Za-z\u00c0-\u024f\u1e00-\u1eff]+', 'g') as w (m) limit v_word_limit);
  -- Each language and each word once: the lists and the dictionaries are looked up thirty times, not six thousand.
  with words as materialized (
    select word, count(*) as times from unnest(v_words) as word group by word
  ), languages as materialized (
    select l.language, l.place, c.list, case when c.list is null then knowledge.dictionary(knowledge.text_search_config(l.language)) end as dictionary
      from unnest('{en,de,fr,es,pt,it,nl,sv,da,nb,fi,hu,tr,ro,pl,cs,sk,hr,sl,ca,eu,ga,lt,lv,et,id,fil,vi,sw}'::text[]) with ordinality as l (language, place)
     cross join lateral (select knowledge.common_words(l.language) as list) c
  )
  select l.language, sum(w.times) into v_best, v_best_count
    from languages l cross join words w
   where case when l.list is null then cardinality(ts_lexize(l.dictionary, w.word)) = 0 else w.word = any (l.list) end
   group by l.language, l.place
   -- of equals the first of the list
   order by sum(w.times) desc, l.place limit 1;
  if v_best_count >= v_fewest and v_best_count >= v_smallest_share * cardinality(v_words) then
    return v_best;
  end if;
  return case when cardinality(v_words) >= v_telling_length and coalesce(v_best_count, 0) < v_smallest_share / 3 * cardinality(v_words) then 'und' end;
end
$$;
comment on function knowledge.detect_language is
  'The language of a text as a tag, by its script and, in the Latin script, by the commonest words of some thirty languages; und for a long text that has none of these, null for a text that is too short to tell.';

create or replace function knowledge.document_language(source_language text, metadata jsonb, content text) returns text
language sql immutable parallel safe
return coalesce(
  source_language,
  case when core.is_language_tag(metadata ->> 'language') then metadata ->> 'language' end,
  knowledge.detect_language(content),
  'en');
comment on function knowledge.document_language is
  'The language in which a document is read: its source''s, or what its metadata say, or what is detected; English when nothing tells.';
