-- Recommendations: what the same entities choose. The similarity of two items is the cosine of who chose them, n(both) / √(n(a) n(b)). For
-- one entity of five the last item is held out; the hit rate is how often it is among the first ten recommendations from the others, beside that of
-- simply the most chosen items.

create or replace function ml.choices_of(set app_public.ml_feature_sets, config jsonb, seed int)
returns table (entity_id text, item text, place bigint, is_held_out boolean)
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  -- An entity that has chosen everything would make pairs of everything, so only its last 50 choices count.
  select c.entity_id, c.item, c.place,
         c.place = 1 and c.count > 1 and ((hashtextextended(c.entity_id, 0) # ml.seed_mask(seed)) & 9223372036854775807) % ml.share_held_out() = 0
    from (select d.entity_id, d.item, row_number() over w as place, count(*) over (partition by d.entity_id) as count
            from (select f.entity_id, left(f.features ->> (config ->> 'item'), 255) collate "C" as item, max(f.observed_at) as at
                    from (select g.entity_id, g.features, g.observed_at from app_public.ml_features g
                           where g.tenant_id = (set).tenant_id and g.feature_set = (set).name and g.is_latest
                             and g.features ->> (config ->> 'item') <> ''
                           order by g.observed_at desc, g.entity_id limit 200000) f
                   group by 1, 2) d
          window w as (partition by d.entity_id order by d.at desc, d.item)) c
   where c.place <= 50;
$$;
comment on function ml.choices_of is
  'Which entity chose which item, of the last 200,000 rows the last 50 items of each entity, and whether it is held out.';

create or replace function ml.fit_item_item(set app_public.ml_feature_sets, config jsonb, seed int) returns ml.fit
language plpgsql stable
set search_path to pg_catalog, pg_temp
set max_parallel_workers_per_gather to 0
as $$
declare
  v_most_items constant int := 2000;
  v_neighbours constant int := coalesce((config ->> 'neighbours')::int, 20);
  v_result record;
  v_fit ml.fit;
begin
  perform ml.position_of(set, config ->> 'item', '{text}', 'item');
  with choices as materialized (select c.entity_id, c.item from ml.choices_of(set, config, seed) c where not c.is_held_out),
  items as materialized (select c.item, count(*) as n from choices c group by 1 order by n desc, c.item limit v_most_items),
  pairs as (
    select a.item as item, b.item as other, count(*) as n
      from choices a join choices b on b.entity_id = a.entity_id and b.item <> a.item
     where a.item in (select i.item from items i) and b.item in (select i.item from items i)
     group by 1, 2),
  ranked as (
    select p.item, p.other, round((p.n / sqrt(a.n::float8 * b.n))::numeric, 8) as similarity,
           row_number() over (partition by p.item order by p.n / sqrt(b.n::float8) desc, p.other) as place
      from pairs p join items a on a.item = p.item join items b on b.item = p.other)
  select (select count(*) from choices) as n, (select count(distinct c.entity_id) from choices c) as entities,
         (select bit_xor(hashtextextended(c.entity_id || E'\n' || c.item, 0)) from choices c) as x,
         (select sum(hashtextextended(c.entity_id || E'\n' || c.item, 0) & 2147483647) from choices c) as s,
         (select jsonb_agg(i.item order by i.n desc, i.item) from items i) as popular,
         (select jsonb_object_agg(o.item, o.near) from (
            select r.item, jsonb_agg(jsonb_build_array(r.other, r.similarity) order by r.place) as near
              from ranked r where r.place <= v_neighbours group by r.item) o) as near
    into v_result;
  if v_result.n < 10 then
    perform ml.raise_too_few(v_result.n, 10, 'choices');
  end if;
  v_fit.artefact := jsonb_build_object('kind', 'items', 'item', config ->> 'item', 'popular', v_result.popular, 'near', coalesce(v_result.near, '{}'));
  v_fit.artefact := v_fit.artefact || jsonb_build_object('confidence', round(((ml.evaluate_item_item(set, v_fit.artefact, config, seed)).metrics ->> 'hit_rate')::numeric, 2));
  v_fit.hyperparameters := jsonb_build_object('item', config ->> 'item', 'neighbours', v_neighbours);
  v_fit.data_info := jsonb_build_object('row_count', v_result.n, 'entity_count', v_result.entities, 'item_count', jsonb_array_length(v_result.popular));
  v_fit.data_hash := ml.hash_of_rows(v_result.n, v_result.x, v_result.s, config ->> 'item');
  return v_fit;
end
$$;
comment on function ml.fit_item_item is
  E'@errors ML404 ML405\nFits which items go with which, of the 2,000 that are chosen most.';

create or replace function ml.recommend(artefact jsonb, chosen text[], most int) returns jsonb
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  -- Whoever has chosen nothing that is known gets what is chosen most.
  select coalesce(jsonb_agg(jsonb_build_object('item', r.item, 'score', r.score) order by r.score desc, r.place, r.item), '[]')
    from (select o.item, o.score, o.place
            from (select n.value ->> 0 as item, sum((n.value ->> 1)::numeric) as score, 0 as place
                    from (select distinct c from unnest(recommend.chosen) c) u cross join lateral jsonb_array_elements(artefact -> 'near' -> u.c) n group by 1
                  union all
                  select p.value, 0, p.ordinality from jsonb_array_elements_text(artefact -> 'popular') with ordinality p (value, ordinality)
                   where p.ordinality <= recommend.most + cardinality(recommend.chosen)
                     and not exists (select from unnest(recommend.chosen) c cross join lateral jsonb_array_elements(artefact -> 'near' -> c) n where n.value ->> 0 = p.value)) o
           where o.item <> all (recommend.chosen)
           order by o.score desc, o.place, o.item limit recommend.most) r;
$$;
comment on function ml.recommend is
  'The items that go best with those that were chosen: the sum of their similarities, without what was chosen. What is chosen most fills the list, with the score 0.';

create or replace function ml.evaluate_item_item(set app_public.ml_feature_sets, artefact jsonb, config jsonb, seed int) returns ml.evaluation
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_most_entities constant int := 500;
  v_rows record;
  v_evaluation ml.evaluation;
begin
  with choices as materialized (select * from ml.choices_of(set, config, seed)),
  tests as (
    select c.entity_id, c.item, (select array_agg(o.item order by o.place) from choices o where o.entity_id = c.entity_id and o.place > 1) as chosen
      from choices c where c.is_held_out order by c.entity_id limit v_most_entities)
  select count(*) as n, bit_xor(hashtextextended(t.entity_id || E'\n' || t.item, 0)) as x, sum(hashtextextended(t.entity_id || E'\n' || t.item, 0) & 2147483647) as s,
         avg((ml.recommend(artefact, t.chosen, 10) @> jsonb_build_array(jsonb_build_object('item', t.item)))::int) as hit_rate,
         avg((ml.recommend(artefact - 'near', t.chosen, 10) @> jsonb_build_array(jsonb_build_object('item', t.item)))::int) as popular_hit_rate
    into v_rows
    from tests t;
  v_evaluation.metrics := jsonb_strip_nulls(jsonb_build_object('hit_rate', v_rows.hit_rate, 'hit_rate_of_popularity', v_rows.popular_hit_rate));
  v_evaluation.row_count := v_rows.n;
  v_evaluation.evaluation_hash := ml.hash_of_rows(v_rows.n, v_rows.x, v_rows.s, config ->> 'item');
  return v_evaluation;
end
$$;
comment on function ml.evaluate_item_item is
  'Measures recommendations on the items that are held out, of at most 500 entities: hit_rate, the share that is among the first ten, and the same of simply the most chosen items.';
