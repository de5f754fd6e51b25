-- Features that the platform computes: the statement of a set is a stranger's SQL, so it is checked and run as that of a report (ADR 19), by the
-- worker, as rowhouse_reporter, over the views of the schema analytics of this tenant alone. Its parameter $1 is the time as of which it is
-- computed: on schedule now, in a backfill a time in the past.

create or replace function ml.queue_computation(feature_set_id uuid, at timestamptz, is_backfill boolean) returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  select core.enqueue_tenant_job('ml__compute_features', json_build_object(
      'tenantId', core.current_tenant_id(), 'featureSetId', queue_computation.feature_set_id,
      'at', to_char(queue_computation.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'isBackfill', queue_computation.is_backfill),
    core.current_tenant_id());
$$;
comment on function ml.queue_computation is 'Adds the job that computes the features of a set as of a time.';

create or replace function app_public.compute_ml_features(
  feature_set text, since timestamptz default null, until timestamptz default null, every interval default '1 day') returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_most constant int := 100;
  v_set app_public.ml_feature_sets;
  v_at timestamptz;
  v_count int := 0;
begin
  perform tenancy.require_permission('can_edit_agents');
  v_set := ml.feature_set_of(compute_ml_features.feature_set);
  if v_set.statement is null then
    perform core.raise_error('ML410', 'feature_set: This set has no statement.', 'Record its rows with recordMlFeatures, or give it a statement.');
  elsif compute_ml_features.since is null then
    perform ml.queue_computation(v_set.id, core.clock(), false);
    return 1;
  elsif coalesce(compute_ml_features.every < interval '1 minute', true) or not isfinite(compute_ml_features.since)
    or coalesce(compute_ml_features.until, core.clock()) not between compute_ml_features.since and core.clock()
    or (coalesce(compute_ml_features.until, core.clock()) - compute_ml_features.since) >= compute_ml_features.every * v_most then
    perform core.raise_error('ML402', format('since, until and every: They give 1 to %s times, a minute apart or more and none in the future.', v_most),
      'Fill in a longer time in several calls.');
  end if;
  for v_at in select * from generate_series(compute_ml_features.since, coalesce(compute_ml_features.until, core.clock()), compute_ml_features.every) loop
    perform ml.queue_computation(v_set.id, v_at, true);
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
comment on function app_public.compute_ml_features is
  E'@resultFieldName runCount\n@errors ID203 ML303 ML402 ML410 TN202\nRuns the statement of a feature set in the background: now, or with since as of up to 100 times in the past, every so long until then (by default now). What is filled in for the past was known only now, so featuresAsOf shows it to whoever asks for it with withBackfill. Returns how many runs were queued. Needs can_edit_agents.';
grant execute on function app_public.compute_ml_features to rowhouse_user;

create or replace function ml.begin_computation(tenant_id uuid, feature_set_id uuid, at timestamptz)
returns table (statement text, types text[], "values" text[], timezone text)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  call core.enter_tenant(begin_computation.tenant_id);
  return query
    select s.statement, '{timestamptz}'::text[], array[begin_computation.at::text], t.timezone
      from app_public.ml_feature_sets s join app_public.tenants t on t.id = s.tenant_id
     where s.tenant_id = begin_computation.tenant_id and s.id = begin_computation.feature_set_id and s.statement is not null;
end
$$;
comment on function ml.begin_computation is 'The statement of a feature set with its parameter, as the server runs it; no row when there is none any more.';
grant execute on function ml.begin_computation to rowhouse_worker;

create or replace function ml.computed_rows(set app_public.ml_feature_sets, columns text[], rows jsonb, at timestamptz) returns app_public.new_ml_features[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_unknown text;
begin
  select c into v_unknown from unnest(computed_rows.columns) c
   where c not in ('entity_id', 'observed_at') and c <> all (array(select d.name from unnest((set).definitions) d)) order by c limit 1;
  if v_unknown is not null or not 'entity_id' = any (computed_rows.columns) then
    perform core.raise_error('ML409', format('statement: Its result has %s.', coalesce('a column ' || left(v_unknown, 63) || ' that is no feature', 'no column entity_id')),
      'Its columns are entity_id, observed_at and features of the set.');
  end if;
  return array(
    select (r.value ->> (array_position(computed_rows.columns, 'entity_id') - 1),
            coalesce((r.value ->> (array_position(computed_rows.columns, 'observed_at') - 1))::timestamptz, computed_rows.at),
            (select coalesce(jsonb_object_agg(d.name, case d.type when 'number' then to_jsonb(v.value::numeric) when 'boolean' then to_jsonb(v.value::boolean)
                                                        else to_jsonb(v.value) end), '{}')
               from unnest((set).definitions) d
              cross join lateral (select r.value ->> (array_position(computed_rows.columns, d.name) - 1) as value) v
              where d.name = any (computed_rows.columns)),
            null, null)::app_public.new_ml_features
      from jsonb_array_elements(computed_rows.rows) r);
exception
  when data_exception then
    perform core.raise_error('ML409', format('statement: Its result has a value of another type: %s.', left(sqlerrm, 200)), 'Cast it to the type of the feature.');
end
$$;
comment on function ml.computed_rows is E'@errors ML409\nThe result of a statement, a list of texts a row, as rows of a feature set.';

create or replace function ml.finish_computation(
  tenant_id uuid, feature_set_id uuid, at timestamptz, is_backfill boolean, columns text[], rows jsonb, error text default null) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_set app_public.ml_feature_sets;
  v_error text := finish_computation.error;
begin
  call core.enter_tenant(finish_computation.tenant_id);
  select * into v_set from app_public.ml_feature_sets s
   where s.tenant_id = finish_computation.tenant_id and s.id = finish_computation.feature_set_id for no key update;
  if not found then
    return;
  end if;
  if v_error is null and jsonb_array_length(finish_computation.rows) > 0 then
    begin
      perform ml.store_features(v_set.name, ml.computed_rows(v_set, finish_computation.columns, finish_computation.rows, finish_computation.at),
        finish_computation.is_backfill);
    exception when sqlstate 'ML402' or sqlstate 'ML403' or sqlstate 'ML409' then
      v_error := sqlerrm;
    end;
  end if;
  update app_public.ml_feature_sets s set last_error = left(v_error, 1000) where s.tenant_id = v_set.tenant_id and s.id = v_set.id;
end
$$;
comment on function ml.finish_computation is 'Stores what the statement of a set gave, or keeps why it could not. What was stored before is stored once.';
grant execute on function ml.finish_computation to rowhouse_worker;

set local role rowhouse_platform;  -- outside the wall: the feature sets of all tenants are due
create or replace function ml.due_feature_sets() returns setof uuid
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select distinct s.tenant_id from app_public.ml_feature_sets s join app_public.tenants t on t.id = s.tenant_id and t.status in ('trial', 'active')
   where s.next_run_at <= core.clock();
$$;
comment on function ml.due_feature_sets is 'The tenants that have feature sets to compute.';
grant execute on function ml.due_feature_sets to rowhouse_worker;
set local role rowhouse_owner;

create or replace function ml.queue_due_features(tenant_id uuid) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_set app_public.ml_feature_sets;
  v_count int := 0;
begin
  call core.enter_tenant(queue_due_features.tenant_id);
  for v_set in
    select s.* from app_public.ml_feature_sets s
     where s.tenant_id = queue_due_features.tenant_id and s.next_run_at <= core.clock()
     order by s.next_run_at, s.id limit 50 for no key update skip locked
  loop
    perform ml.queue_computation(v_set.id, core.clock(), false);
    -- A run that was missed is not made up for: the next one computes the same.
    update app_public.ml_feature_sets s set next_run_at = core.clock() + s.every where s.tenant_id = v_set.tenant_id and s.id = v_set.id;
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
comment on function ml.queue_due_features is
  'Queues the statements of a tenant''s sets that are due, at most 50, and returns how many. Any number of workers at once queue each once.';
grant execute on function ml.queue_due_features to rowhouse_worker;
