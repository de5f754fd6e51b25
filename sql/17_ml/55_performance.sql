-- How good models are: on the rows held out in training, and since then on what was true in the end. Each hour the worker looks at the models
-- that answer: the error of their last predictions, and drift, which is how different the predictions and their inputs are from training. An
-- alert looks at the same figures.

call core.secure_tenant_table('app_public.ml_model_performance');
call audit.leave_out('derived from other tables by rules', 'app_public.ml_model_performance');
call core.exempt_from_guard('app_public.ml_model_performance', '_000_require_writable_tenant', 'a job that was begun ends in a read-only tenant as well');
call core.allow('app_public.ml_model_performance', read => 'member');
grant select on app_public.ml_model_performance to rowhouse_user;
grant select, delete on app_public.ml_model_performance to rowhouse_platform;
comment on table app_public.ml_model_performance is
  E'@name ml_measurement\n@large\n@behavior -insert -update -delete -query:resource:single\nFigures of models. Members of the tenant see them.';
comment on column app_public.ml_model_performance.tenant_id is 'The tenant.';
comment on column app_public.ml_model_performance.id is 'The id.';
comment on column app_public.ml_model_performance.model_id is 'The model.';
comment on column app_public.ml_model_performance.metric_type is
  E'@notPersonal\nWhat was measured: rmse, mae, bias, r2, mase, coverage, precision, recall, hit_rate and so on of the rows held out; live_mae, live_rmse, live_bias, live_coverage, live_precision and live_recall of the last predictions whose truth is known; psi for drift.';
comment on column app_public.ml_model_performance.metric_value is 'The value, in the unit of the target or as a share.';
comment on column app_public.ml_model_performance.evaluation_data is E'@notPersonal\n@behavior -filterBy -orderBy\nOn what; of psi the value of each feature.';
comment on column app_public.ml_model_performance.evaluation_hash is 'A hash of the rows held out. Figures with the same one are of the same rows.';
comment on column app_public.ml_model_performance.row_count is 'On how many rows.';
comment on column app_public.ml_model_performance.evaluated_at is 'When.';
comment on constraint ml_model_performance_tenant_id_model_id_fkey on app_public.ml_model_performance is E'@fieldName model\n@foreignFieldName measurements';
comment on constraint metric_type_is_a_word on app_public.ml_model_performance is 'must be 1 to 63 small letters, digits and _ and begin with a letter';
comment on constraint metric_value_is_finite on app_public.ml_model_performance is 'must be a number';

call governance.define_data_kind('ml_measurements', 'Figures of models.', 1096);
call governance.add_table_to_kind('ml_measurements', 'app_public.ml_model_performance', 'evaluated_at');

call observability.define_metric('ml_drift', 'How different the inputs and answers of a model are from its training: the largest population stability index. Above 0.2 is usually called drift.',
  'PSI', '{greatest,average}', 'app_public.ml_model_performance t', 't.metric_value', 't.evaluated_at', $e$t.metric_type = 'psi'$e$,
  '{"model_id": "t.model_id::text"}');
call observability.define_metric('ml_error', 'The mean absolute error of the last predictions of a model whose truth is known.', 'that of the target',
  '{greatest,average}', 'app_public.ml_model_performance t', 't.metric_value', 't.evaluated_at', $e$t.metric_type = 'live_mae'$e$,
  '{"model_id": "t.model_id::text"}');

create or replace function ml.shares_in(bounds double precision[], "values" double precision[]) returns double precision[]
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  -- What is missing is a bucket of its own, the last one.
  select array_agg(coalesce(c.n, 0)::double precision / greatest(cardinality(shares_in."values"), 1) order by b)
    from generate_series(0, cardinality(bounds) + 1) b
    left join (select case when v is null then cardinality(bounds) + 1 when cardinality(bounds) = 0 then 0 else width_bucket(v, bounds) end as bucket, count(*) as n
                 from unnest(shares_in."values") v group by 1) c on c.bucket = b;
$$;
comment on function ml.shares_in is 'Which share of values lies below the first bound, between each two, above the last, and is missing.';

create or replace function ml.psi(expected double precision[], actual double precision[]) returns double precision
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  -- An empty bucket counts as a ten-thousandth.
  select sum((greatest(a, 1e-4) - greatest(e, 1e-4)) * ln(greatest(a, 1e-4) / greatest(e, 1e-4))) from unnest(expected, actual) u (e, a);
$$;
comment on function ml.psi is 'The population stability index: Σ (actual - expected) ln(actual / expected) over the shares of buckets. It is 0 when they are the same.';

create or replace function ml.baseline_of(set app_public.ml_feature_sets, artefact jsonb, seed int) returns jsonb
language plpgsql stable
set search_path to pg_catalog, pg_temp
set jit to off
as $$
declare
  v_most constant int := 10000;
  v_baseline jsonb := '{}';
  v_name text;
  v_values double precision[];
begin
  -- Of the rows held out, because on the others the model may be better than it is.
  for v_name, v_values in execute format($q$
      with r as materialized (
        select f.numbers as n, %1$s as p from %2$s and ((hash_array_extended(f.numbers, 0) # %3$L::int8) & 9223372036854775807) %% %4$s = 0
         order by hash_array_extended(f.numbers, 0) limit %5$s)
      select t.name, array_agg(t.v) as v from r cross join lateral (%6$s) t (name, v) group by 1$q$,
      ml.linear_expression(artefact), ml.rows_of_set(), ml.seed_mask(seed), ml.share_held_out(), v_most,
      (select string_agg(format('select %L, r.n[%s]', c.value ->> 'name', (c.value ->> 'position')::int), ' union all ')
         from jsonb_array_elements(artefact -> 'terms') c) || ' union all select '''', r.p') using (set).tenant_id, (set).name
  loop
    v_baseline := v_baseline || (
      select jsonb_build_object(v_name, jsonb_build_object('bounds', to_jsonb(b.bounds), 'shares', to_jsonb(ml.shares_in(b.bounds, v_values))))
        from (select coalesce(array_agg(distinct d order by d), '{}') as bounds
                from (select unnest(percentile_disc('{0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9}'::float8[]) within group (order by v)) as d from unnest(v_values) v) q
               where d is not null) b);
  end loop;
  return v_baseline;
end
$$;
comment on function ml.baseline_of is
  'What the inputs and, under the empty name, the predictions of a linear model were in training: for each the tenths of at most 10,000 rows, and the share between each two.';

create or replace function ml.window_of_drift() returns interval
language sql immutable parallel safe
return interval '7 days';
comment on function ml.window_of_drift is 'How far back predictions are looked at for drift.';

create or replace function ml.measure_drift(model app_public.ml_models, artefact jsonb) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_most constant int := 10000;
  v_least constant int := 50;
  v_count bigint;
  v_psi jsonb;
begin
  with r as materialized (
    select p.input_data, p.predicted_number from app_public.ml_predictions p
     where p.tenant_id = (model).tenant_id and p.model_id = (model).id and p.created_at > core.clock() - ml.window_of_drift()
     order by p.created_at desc limit v_most)
  select (select count(*) from r),
         jsonb_object_agg(case b.key when '' then 'prediction' else b.key end, round(ml.psi(
           array(select jsonb_array_elements_text(b.value -> 'shares')::double precision),
           ml.shares_in(array(select jsonb_array_elements_text(b.value -> 'bounds')::double precision),
             (select array_agg(case b.key when '' then r.predicted_number else ml.to_number(r.input_data -> b.key) end) from r)))::numeric, 6))
    into v_count, v_psi
    from jsonb_each(artefact -> 'baseline') b;
  if v_count >= v_least and v_psi is not null then
    insert into app_public.ml_model_performance (tenant_id, model_id, metric_type, metric_value, evaluation_data, row_count, evaluated_at)
    select (model).tenant_id, (model).id, 'psi', max((v.value #>> '{}')::numeric), jsonb_build_object('on', 'predictions', 'psi', v_psi), v_count, core.clock()
      from jsonb_each(v_psi) v;
  end if;
end
$$;
comment on function ml.measure_drift is
  'Writes down the population stability index of the predictions of seven days, at most 10,000, against training: the largest of the answer and of the inputs. Fewer than 50 say nothing.';

create or replace function ml.measure_errors(model app_public.ml_models) returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  insert into app_public.ml_model_performance (tenant_id, model_id, metric_type, metric_value, evaluation_data, row_count, evaluated_at)
  select (model).tenant_id, (model).id, m.name, m.value, '{"on": "predictions"}', r.n, core.clock()
    from (select count(*) as n, avg(abs(o.actual - o.value)) filter (where not o.is_yes) as mae, sqrt(sum((o.actual - o.value) ^ 2) filter (where not o.is_yes) / count(*)) as rmse,
                 avg(o.value - o.actual) filter (where not o.is_yes) as bias, avg(o.is_inside) as coverage,
                 count(*) filter (where o.is_anomaly and o.actual = 1)::float8 / nullif(count(*) filter (where o.is_anomaly), 0) as precision,
                 count(*) filter (where o.is_anomaly and o.actual = 1)::float8 / nullif(count(*) filter (where o.is_yes and o.actual = 1), 0) as recall
            from (select p.actual_number as actual, p.predicted_number as value, (p.prediction ->> 'is_anomaly')::boolean as is_anomaly,
                         p.prediction_type = 'anomaly' as is_yes,
                         (p.actual_number between ml.to_number(p.prediction -> 'lower') and ml.to_number(p.prediction -> 'upper'))::int as is_inside
                    from app_public.ml_predictions p
                   where p.tenant_id = (model).tenant_id and p.model_id = (model).id and p.created_at > core.clock() - ml.window_of_drift()
                     and p.actual_number is not null and p.predicted_number is not null
                   order by p.created_at desc limit 10000) o) r
   cross join lateral (values ('live_mae', r.mae), ('live_rmse', r.rmse), ('live_bias', r.bias), ('live_coverage', r.coverage),
                              ('live_precision', r.precision), ('live_recall', r.recall)) m (name, value)
   where m.value is not null;
$$;
comment on function ml.measure_errors is
  'Writes down the errors of the predictions of seven days whose truth is known, at most 10,000. Of anomalies these are precision and recall.';

create or replace function ml.measure_models_of(tenant_id uuid) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_model app_public.ml_models;
  v_count int := 0;
begin
  call core.enter_tenant(measure_models_of.tenant_id);
  for v_model in
    select m.* from app_public.ml_models m
     where m.tenant_id = measure_models_of.tenant_id and m.status = 'active' and coalesce(m.measured_at <= core.clock() - interval '55 minutes', true)
     order by m.measured_at nulls first, m.id limit 5 for no key update skip locked
  loop
    perform ml.measure_drift(v_model, ml.artefact_of(v_model.id));
    perform ml.measure_errors(v_model);
    update app_public.ml_models m set measured_at = core.clock() where m.tenant_id = v_model.tenant_id and m.id = v_model.id;
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
comment on function ml.measure_models_of is
  'Measures the models of a tenant that answer and were not measured within the hour, at most 5, and returns how many. Two workers at once measure each once.';
grant execute on function ml.measure_models_of to rowhouse_worker;

set local role rowhouse_platform;  -- outside the wall: the worker looks which tenants have models to measure
create or replace function ml.tenants_to_measure() returns setof uuid
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select distinct m.tenant_id from app_public.ml_models m join app_public.tenants t on t.id = m.tenant_id and t.status in ('trial', 'active')
   where m.status = 'active' and coalesce(m.measured_at <= core.clock() - interval '55 minutes', true);
$$;
comment on function ml.tenants_to_measure is 'The tenants that have models to measure.';
grant execute on function ml.tenants_to_measure to rowhouse_worker;
set local role rowhouse_owner;
