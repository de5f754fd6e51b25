-- Anomalies: how far a value is from what is usual in its slot of the season, such as the hour of the week, by the clock of the tenant. The
-- score is (value - median) / (1.4826 · MAD), which for a normal law is the number of standard deviations (Iglewicz and Hoaglin, 1993).
-- Median and MAD do not move when some of the values are anomalies themselves.

create or replace function ml.season_slot(at timestamptz, season text, timezone text) returns int
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select case season
    when 'hour_of_day' then extract(hour from at at time zone timezone)
    when 'day_of_week' then extract(dow from at at time zone timezone)
    when 'hour_of_week' then extract(dow from at at time zone timezone) * 24 + extract(hour from at at time zone timezone)
    when 'month_of_year' then extract(month from at at time zone timezone)
    else 0 end::int;
$$;
comment on function ml.season_slot is 'The number of the slot of a season in which a time lies.';

create or replace function ml.spread_of(mad double precision, mean_distance double precision, fallback double precision, median double precision)
returns double precision
language sql immutable parallel safe
return coalesce(nullif(1.4826 * mad, 0), nullif(1.2533 * mean_distance, 0), nullif(fallback, 0), greatest(abs(median) * 1e-9, 1e-9));
comment on function ml.spread_of is
  'What a distance from the median is measured by: 1.4826 · MAD; where half of the values are equal 1.2533 · the mean distance; where all are, the spread of the other slots, and at last a billionth of the median. It is never 0.';

create or replace function ml.zscore_of(value double precision, median double precision, spread double precision) returns double precision
language sql immutable parallel safe
return greatest(least((value - median) / spread, 1e6), -1e6);
comment on function ml.zscore_of is 'How unusual a value is, from -1,000,000 to 1,000,000.';

create or replace function ml.score_in_slots(artefact jsonb, value double precision, at timestamptz) returns double precision
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select ml.zscore_of(score_in_slots.value, (s ->> 'median')::double precision, (s ->> 'spread')::double precision)
    from (select coalesce(artefact #> array['slots', ml.season_slot(score_in_slots.at, artefact ->> 'season', artefact ->> 'timezone')::text],
                          artefact -> 'all') as s) o;
$$;
comment on function ml.score_in_slots is 'The score of a value at a time; in a slot that had too few values it is measured by all.';

create or replace function ml.fit_seasonal_zscore(set app_public.ml_feature_sets, config jsonb, seed int) returns ml.fit
language plpgsql stable
set search_path to pg_catalog, pg_temp
set max_parallel_workers_per_gather to 0
as $$
declare
  v_least_values constant int := 4;
  v_target constant int := ml.position_of(set, config ->> 'target', '{number}', 'target');
  v_season constant text := coalesce(config ->> 'season', 'none');
  v_timezone text;
  v_rows record;
  v_all jsonb;
  v_slots jsonb;
  v_fit ml.fit;
begin
  select t.timezone into strict v_timezone from app_public.tenants t where t.id = (set).tenant_id;
  select count(*) as n, bit_xor(hash_array_extended(f.numbers, 0) # hashtextextended(f.entity_id, 0) # hashint8extended(extract(epoch from f.observed_at)::bigint, 0)) as x,
         sum(hash_array_extended(f.numbers, 0) & 2147483647) as s, percentile_cont(0.5) within group (order by f.numbers[v_target]) as median
    into v_rows
    from app_public.ml_features f
   where f.tenant_id = (set).tenant_id and f.feature_set = (set).name and f.is_latest and f.numbers[v_target] is not null;
  if v_rows.n < 10 then
    perform ml.raise_too_few(v_rows.n, 10, 'values');
  end if;
  select jsonb_build_object('median', ml.round_digits(v_rows.median), 'spread', ml.round_digits(ml.spread_of(
      percentile_cont(0.5) within group (order by abs(f.numbers[v_target] - v_rows.median)), avg(abs(f.numbers[v_target] - v_rows.median)), 0, v_rows.median)))
    into v_all
    from app_public.ml_features f
   where f.tenant_id = (set).tenant_id and f.feature_set = (set).name and f.is_latest and f.numbers[v_target] is not null;
  select coalesce(jsonb_object_agg(d.slot, jsonb_build_object('median', ml.round_digits(d.median),
           'spread', ml.round_digits(ml.spread_of(d.mad, d.mean_distance, (v_all ->> 'spread')::double precision, d.median)))), '{}')
    into v_slots
    from (select m.slot, m.median, percentile_cont(0.5) within group (order by abs(v.value - m.median)) as mad, avg(abs(v.value - m.median)) as mean_distance
            from (select ml.season_slot(f.observed_at, v_season, v_timezone) as slot, percentile_cont(0.5) within group (order by f.numbers[v_target]) as median
                    from app_public.ml_features f
                   where f.tenant_id = (set).tenant_id and f.feature_set = (set).name and f.is_latest and f.numbers[v_target] is not null
                   group by 1 having count(*) >= v_least_values) m
            join (select ml.season_slot(f.observed_at, v_season, v_timezone) as slot, f.numbers[v_target] as value
                    from app_public.ml_features f
                   where f.tenant_id = (set).tenant_id and f.feature_set = (set).name and f.is_latest and f.numbers[v_target] is not null) v on v.slot = m.slot
           group by m.slot, m.median) d;
  v_fit.artefact := jsonb_build_object('kind', 'zscore', 'target', config ->> 'target', 'target_position', v_target, 'season', v_season,
    'timezone', v_timezone, 'threshold', coalesce((config ->> 'threshold')::double precision, 3.5), 'all', v_all, 'slots', v_slots);
  v_fit.artefact := v_fit.artefact || jsonb_build_object('scores', (
    select to_jsonb(percentile_disc(array(select q / 100.0 from generate_series(0, 100) q)) within group (order by abs(ml.score_in_slots(v_fit.artefact, f.numbers[v_target], f.observed_at))))
      from (select g.numbers, g.observed_at from app_public.ml_features g
             where g.tenant_id = (set).tenant_id and g.feature_set = (set).name and g.is_latest and g.numbers[v_target] is not null
             order by g.observed_at desc, g.entity_id limit 100000) f));
  v_fit.hyperparameters := jsonb_build_object('season', v_season, 'threshold', v_fit.artefact -> 'threshold', 'target', config ->> 'target');
  v_fit.data_info := jsonb_build_object('row_count', v_rows.n);
  v_fit.data_hash := ml.hash_of_rows(v_rows.n, v_rows.x, v_rows.s, v_season || ' ' || v_timezone || ' ' || v_target);
  return v_fit;
end
$$;
comment on function ml.fit_seasonal_zscore is
  E'@errors ML404 ML405\nFits what is usual: median and spread in each slot of the season with at least 4 values, and of all values. The seed changes nothing.';

create or replace function ml.evaluate_seasonal_zscore(set app_public.ml_feature_sets, artefact jsonb, config jsonb) returns ml.evaluation
language plpgsql stable
set search_path to pg_catalog, pg_temp
set max_parallel_workers_per_gather to 0
as $$
declare
  v_target constant int := (artefact ->> 'target_position')::int;
  v_label constant int := case when config ? 'label' then ml.position_of(set, config ->> 'label', '{boolean}', 'label') end;
  v_rows record;
  v_evaluation ml.evaluation;
begin
  select count(*) as n, bit_xor(r.h) as x, sum(r.h & 2147483647) as s, avg(r.is_anomaly::int) as flagged,
         count(*) filter (where r.is_anomaly and r.label = 1) as found, count(*) filter (where r.is_anomaly and r.label is not null) as judged,
         count(*) filter (where r.label = 1) as planted
    into v_rows
    from (select hash_array_extended(f.numbers, 0) as h, f.numbers[v_label] as label,
                 abs(ml.score_in_slots(artefact, f.numbers[v_target], f.observed_at)) > (artefact ->> 'threshold')::double precision as is_anomaly
            from app_public.ml_features f
           where f.tenant_id = (set).tenant_id and f.feature_set = (set).name and f.is_latest and f.numbers[v_target] is not null
           order by f.observed_at desc, f.entity_id limit 100000) r;
  v_evaluation.metrics := jsonb_strip_nulls(jsonb_build_object('flagged_share', v_rows.flagged,
    'precision', case when v_label is not null then v_rows.found::double precision / nullif(v_rows.judged, 0) end,
    'recall', case when v_label is not null then v_rows.found::double precision / nullif(v_rows.planted, 0) end));
  v_evaluation.row_count := v_rows.n;
  v_evaluation.evaluation_hash := ml.hash_of_rows(v_rows.n, v_rows.x, v_rows.s, concat_ws(' ', artefact ->> 'target', config ->> 'label'));
  return v_evaluation;
end
$$;
comment on function ml.evaluate_seasonal_zscore is
  E'@errors ML404\nMeasures which of the last 100,000 rows are anomalies: flagged_share and, where the set has a label, precision and recall.';
