-- Feature sets: what is known of entities, with a type for each feature. The idea: a row has two times, what it is about (observed_at)
-- and since when it is known (computed_at, which only the database sets). Who asks what was known at a time never sees what came later.

call core.secure_tenant_table('app_public.ml_feature_sets');
call audit.track('app_public.ml_feature_sets');
call core.allow('app_public.ml_feature_sets', read => 'member', write => 'can_edit_agents');
grant select, delete,
  insert (name, description, definitions, validity_period, statement, every),
  update (description, validity_period, statement, every)
  on app_public.ml_feature_sets to rowhouse_user;
grant select on app_public.ml_feature_sets to rowhouse_platform;
comment on table app_public.ml_feature_sets is
  'Feature sets of this tenant, at most 200. Name and definitions never change, because models refer to them: make a new set instead. Members of the tenant see them; writing needs can_edit_agents, and a statement needs can_manage_settings, as that of a report does.';
comment on column app_public.ml_feature_sets.tenant_id is 'The tenant.';
comment on column app_public.ml_feature_sets.id is 'The id.';
comment on column app_public.ml_feature_sets.name is E'@notPersonal\nIts name, by which rows and models refer to it.';
comment on column app_public.ml_feature_sets.description is E'@notPersonal\nWhat it is for.';
comment on column app_public.ml_feature_sets.definitions is 'Its features, 1 to 200.';
comment on column app_public.ml_feature_sets.validity_period is 'For how long after the time that they are about its rows hold, unless they say so themselves.';
comment on column app_public.ml_feature_sets.statement is
  E'@notPersonal\nHow it is computed by itself: one select over the views of the schema analytics, as in a report, whose parameter $1 is the time as of which it is computed. Its columns are entity_id, observed_at and features of the set.';
comment on column app_public.ml_feature_sets.every is 'How often the statement runs, a minute to 366 days; null for when somebody asks.';
comment on column app_public.ml_feature_sets.next_run_at is E'@kept\nWhen the statement runs next.';
comment on column app_public.ml_feature_sets.last_computed_at is E'@kept\nWhen rows were stored last.';
comment on column app_public.ml_feature_sets.last_error is E'@kept\n@notPersonal\nWhy the last run of the statement failed; null when it did not.';
comment on column app_public.ml_feature_sets.created_by_user_id is E'@personal pseudonymise\nWho made it.';
comment on column app_public.ml_feature_sets.created_at is 'When it was made.';
comment on column app_public.ml_feature_sets.updated_at is 'When a person last changed it.';
comment on constraint name_is_a_word on app_public.ml_feature_sets is 'must be 1 to 63 small letters, digits and _ . - and begin with a letter';
comment on constraint definitions_are_given on app_public.ml_feature_sets is 'must have a feature at least';
comment on constraint validity_period_is_in_range on app_public.ml_feature_sets is 'must be from a second to 100 years';
comment on constraint every_is_in_range on app_public.ml_feature_sets is 'must be from a minute to 366 days';
comment on constraint every_has_a_statement on app_public.ml_feature_sets is 'needs a statement';
comment on type app_public.ml_feature_definition is 'A feature of a set.';
comment on column app_public.ml_feature_definition.name is E'@notNull\nIts name: small letters, digits and _, beginning with a letter.';
comment on column app_public.ml_feature_definition.type is E'@notNull\nThe type of its values.';
comment on column app_public.ml_feature_definition.is_required is 'Whether each row must have it.';
comment on domain app_public.ml_feature_type is 'The type of a feature.';
comment on constraint ml_feature_type_is_known on domain app_public.ml_feature_type is 'must be number, boolean or text';

call core.secure_tenant_table('app_public.ml_features');
call audit.leave_out('measurements, which are only added to', 'app_public.ml_features');
call core.allow('app_public.ml_features', read => 'member');
grant select on app_public.ml_features to rowhouse_user;
grant select, delete on app_public.ml_features to rowhouse_platform;
comment on table app_public.ml_features is
  E'@behavior -*\n@large\nThe rows of feature sets, for SQL; the API reads them by featuresAsOf. Members of the tenant see them.';
comment on column app_public.ml_features.tenant_id is 'The tenant.';
comment on column app_public.ml_features.id is 'The id.';
comment on column app_public.ml_features.feature_set is 'The feature set.';
comment on column app_public.ml_features.entity_id is 'What the row is about: a key that the tenant chose, of a site, a machine or a customer.';
comment on column app_public.ml_features.observed_at is 'What time it is about.';
comment on column app_public.ml_features.computed_at is 'Since when it is known: when it was recorded.';
comment on column app_public.ml_features.features is 'The values by the names of the features.';
comment on column app_public.ml_features.numbers is 'The values in the order of the definitions, a boolean as 1 or 0; null for what is missing and for texts.';
comment on column app_public.ml_features.is_latest is 'Whether it is what is known now of its entity and time. An older row was corrected.';
comment on column app_public.ml_features.is_backfill is 'Whether the statement computed it for a time in the past.';
comment on column app_public.ml_features.validity_period is 'For how long after observed_at it holds.';
comment on column app_public.ml_features.metadata is 'Anything else.';
comment on column app_public.ml_features.created_at is 'When it was stored.';
comment on constraint entity_id_is_not_empty on app_public.ml_features is 'must not be empty';
comment on constraint features_are_an_object on app_public.ml_features is 'must be a JSON object';
comment on constraint metadata_is_an_object on app_public.ml_features is 'must be a JSON object';
comment on constraint observed_at_is_finite on app_public.ml_features is 'must be a time';
comment on type app_public.new_ml_features is 'Features of an entity that are to be recorded.';
comment on column app_public.new_ml_features.entity_id is E'@notNull\nWhat they are about, at most 255 characters.';
comment on column app_public.new_ml_features.observed_at is 'What time they are about; by default now.';
comment on column app_public.new_ml_features.features is E'@notNull\nThe values by the names of the features.';
comment on column app_public.new_ml_features.validity_period is 'For how long after that they hold; by default as the set says.';
comment on column app_public.new_ml_features.metadata is 'Anything else, as an object of at most 8 kB.';

call governance.define_data_kind('ml_features', 'Rows of feature sets, by the time that they are about.', 1827);
call governance.add_table_to_kind('ml_features', 'app_public.ml_features', 'observed_at');

create or replace function ml.most_feature_sets() returns int
language sql immutable parallel safe
return 200;
comment on function ml.most_feature_sets is 'How many feature sets a tenant can have.';

create or replace function ml.tg_ml_feature_sets__check() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if tg_op = 'INSERT' then
    perform pg_advisory_xact_lock(hashtext('ml.feature_sets'), hashtext(new.tenant_id::text));
    if (select count(*) from app_public.ml_feature_sets s where s.tenant_id = new.tenant_id) >= ml.most_feature_sets() then
      perform core.raise_error('ML605', format('A tenant can have at most %s feature sets.', ml.most_feature_sets()), 'Delete sets that are not needed.');
    end if;
    new.created_by_user_id := core.current_user_id();
    if exists (select from unnest(new.definitions) d
                where coalesce(d.name !~ '^[a-z][a-z0-9_]{0,62}$' or d.name in ('entity_id', 'observed_at'), true) or d.type is null)
      or (select count(distinct d.name) < count(*) from unnest(new.definitions) d) then
      perform core.raise_error('ML401', 'definitions: A feature has no type, or no name of its own.',
        'A name has 1 to 63 small letters, digits and _, begins with a letter, and is not entity_id or observed_at.');
    end if;
  end if;
  if new.statement is not null and (tg_op = 'INSERT' or new.statement is distinct from old.statement) then
    perform tenancy.require_permission('can_manage_settings');
    if observability.check_statement(new.statement, '{timestamptz}') then
      perform core.raise_error('ML409', 'statement: It reads invoices, and all members see features.', 'Leave fact_invoices out.');
    end if;
    perform tenancy.admit_reporter(new.tenant_id);
  end if;
  new.next_run_at := case
    when new.every is null then null
    when tg_op = 'UPDATE' and new.every is not distinct from old.every then new.next_run_at
    else core.clock() end;
  return new;
end
$$;
comment on function ml.tg_ml_feature_sets__check is
  E'@errors ID203 ML401 ML409 ML605 OB480 OB481 OB482\nChecks the definitions of a new feature set and its statement, which needs can_manage_settings, and plans when it runs.';
create or replace trigger _200_check before insert or update of statement, every on app_public.ml_feature_sets
  for each row execute function ml.tg_ml_feature_sets__check();

create or replace function ml.feature_set_of(name text) returns app_public.ml_feature_sets
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_set app_public.ml_feature_sets;
begin
  select * into v_set from app_public.ml_feature_sets s where s.tenant_id = core.current_tenant_id() and s.name = feature_set_of.name;
  if not found then
    perform core.raise_error('ML303', 'feature_set: There is no such feature set in this tenant.', 'List them with mlFeatureSets.');
  end if;
  return v_set;
end
$$;
comment on function ml.feature_set_of is E'@errors ML303\nA feature set of the tenant by its name.';

create or replace function ml.hash_of_definitions(definitions app_public.ml_feature_definition[]) returns bytea
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select sha256(convert_to(string_agg(d.name || ' ' || d.type || ' ' || coalesce(d.is_required, false)::text, E'\n' order by d.ordinality), 'UTF8'))
    from unnest(definitions) with ordinality as d;
$$;
comment on function ml.hash_of_definitions is 'The SHA-256 of the names and types of features in their order.';

-- The first feature that does not fit, in words; null when all fit.
create or replace function ml.feature_fault(definitions app_public.ml_feature_definition[], features jsonb) returns text
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_known jsonb := '{}';
  v_one app_public.ml_feature_definition;
  v_value jsonb;
begin
  if coalesce(jsonb_typeof(feature_fault.features), '') <> 'object' then
    return 'features are no object';
  end if;
  foreach v_one in array feature_fault.definitions loop
    v_value := feature_fault.features -> v_one.name;
    if v_value is not null and v_value <> 'null' then
      if jsonb_typeof(v_value) <> replace(v_one.type, 'text', 'string') then
        return format('%s is not of the type %s', v_one.name, v_one.type);
      elsif v_one.type = 'number' and ml.to_number(v_value) is null then
        return format('%s is 1e40 or more', v_one.name);
      end if;
    elsif v_one.is_required then
      return format('%s is missing', v_one.name);
    end if;
    v_known := v_known || jsonb_build_object(v_one.name, true);
  end loop;
  return (select format('%s is not a feature of the set', left(k, 63)) from jsonb_object_keys(feature_fault.features) k
           where not v_known ? k order by k limit 1);
end
$$;
comment on function ml.feature_fault is 'What is wrong with a row of features, in words; null when it fits the definitions.';

create or replace function ml.numbers_of(definitions app_public.ml_feature_definition[], features jsonb) returns double precision[]
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select array_agg(ml.to_number(numbers_of.features -> d.name) order by d.ordinality) from unnest(definitions) with ordinality as d;
$$;
comment on function ml.numbers_of is 'The values of a row of features in the order of the definitions: null for what is missing and for texts.';

-- One transaction at a time stores rows of a set, so that one row of an entity and a time is the latest.
create or replace function ml.store_features(
  feature_set text, rows app_public.new_ml_features[], is_backfill boolean default false) returns int
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_most constant int := 10000;
  v_tenant_id constant uuid := core.current_tenant_id();
  v_set app_public.ml_feature_sets := ml.feature_set_of(store_features.feature_set);
  v_computed_at timestamptz := core.clock();
  v_fault text;
begin
  if cardinality(store_features.rows) not between 1 and v_most then
    perform core.raise_error('ML402', format('rows: Give 1 to %s rows.', v_most), 'Send more in several calls.');
  end if;
  select format('Row %s: %s.', r.ordinality, f.fault) into v_fault
    from unnest(store_features.rows) with ordinality as r
   cross join lateral (select case
       when coalesce(r.entity_id, '') = '' or length(r.entity_id) > 255 then 'entity_id is missing or longer than 255 characters'
       when not isfinite(coalesce(r.observed_at, v_computed_at)) then 'observed_at is not a time'
       when r.observed_at > v_computed_at + interval '1 hour' then 'observed_at is in the future'
       when r.validity_period not between interval '1 second' and interval '36525 days' then 'validity_period is not from a second to 100 years'
       when pg_column_size(r.features) > 16000 then 'features have more than 16 kB'
       when jsonb_typeof(r.metadata) <> 'object' or pg_column_size(r.metadata) > 8192 then 'metadata is no object of at most 8 kB'
       else ml.feature_fault(v_set.definitions, r.features) end) as f (fault)
   where f.fault is not null
   order by r.ordinality limit 1;
  if found then
    perform core.raise_error('ML403', v_fault, 'Nothing was stored. Correct the row and send all again.');
  end if;
  select * into strict v_set from app_public.ml_feature_sets s where s.tenant_id = v_tenant_id and s.id = v_set.id for no key update;
  -- Whoever began before another and stores after it knew it later, too.
  if v_set.last_computed_at > v_computed_at then
    v_computed_at := v_set.last_computed_at + interval '1 microsecond';
  end if;
  with given as (
    select distinct on (r.entity_id, coalesce(r.observed_at, v_computed_at))
           r.entity_id collate "C" as entity_id, coalesce(r.observed_at, v_computed_at) as observed_at, r.features,
           coalesce(r.validity_period, v_set.validity_period) as validity_period, coalesce(r.metadata, '{}') as metadata
      from unnest(store_features.rows) with ordinality as r
     order by r.entity_id, coalesce(r.observed_at, v_computed_at), r.ordinality desc),
  -- What is sent again says nothing new.
  new_rows as materialized (
    select g.* from given g
     where not exists (
       select from app_public.ml_features f
        where f.tenant_id = v_tenant_id and f.feature_set = v_set.name and f.entity_id = g.entity_id and f.observed_at = g.observed_at and f.is_latest
          and f.features = g.features and f.validity_period = g.validity_period and f.metadata = g.metadata)),
  corrected as (
    update app_public.ml_features f set is_latest = false
      from new_rows n
     where f.tenant_id = v_tenant_id and f.feature_set = v_set.name and f.entity_id = n.entity_id and f.observed_at = n.observed_at
       and f.is_latest and f.computed_at <> v_computed_at)
  insert into app_public.ml_features as f (
    tenant_id, feature_set, entity_id, observed_at, computed_at, features, numbers, is_latest, is_backfill, validity_period, metadata)
  select v_tenant_id, v_set.name, n.entity_id, n.observed_at, v_computed_at, n.features, ml.numbers_of(v_set.definitions, n.features), true,
         coalesce(store_features.is_backfill, false), n.validity_period, n.metadata
    from new_rows n
  on conflict (tenant_id, feature_set, entity_id, observed_at, computed_at) do update
    set features = excluded.features, numbers = excluded.numbers, is_latest = true, is_backfill = excluded.is_backfill,
        validity_period = excluded.validity_period, metadata = excluded.metadata;
  update app_public.ml_feature_sets s set last_computed_at = v_computed_at where s.tenant_id = v_tenant_id and s.id = v_set.id;
  return cardinality(store_features.rows);
end
$$;
comment on function ml.store_features is
  E'@errors ML303 ML402 ML403\nStores rows of a feature set, all or none; of several for one entity and time the last. A row that is known already stores nothing. Returns how many were given.';

create or replace function app_public.record_ml_features(feature_set text, rows app_public.new_ml_features[]) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_permission('can_record_usage');
  return ml.store_features(record_ml_features.feature_set, record_ml_features.rows);
end
$$;
comment on function app_public.record_ml_features is
  E'@resultFieldName rowCount\n@errors ID203 ML303 ML402 ML403 TN202\nRecords 1 to 10,000 rows of a feature set, all of them or none. A row for an entity and a time that has one already corrects it; what was known before stays. Sending a row again stores nothing. An error names the position of the first row that is refused, from 1. Needs can_record_usage.';
grant execute on function app_public.record_ml_features to rowhouse_user;

create or replace function app_public.delete_ml_features(feature_set text, entity_id text) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_count int;
begin
  perform tenancy.require_permission('can_edit_agents');
  perform ml.feature_set_of(delete_ml_features.feature_set);
  delete from app_public.ml_features f
   where f.tenant_id = core.current_tenant_id() and f.feature_set = delete_ml_features.feature_set
     and f.entity_id = delete_ml_features.entity_id;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function app_public.delete_ml_features is
  E'@resultFieldName rowCount\n@errors ID203 ML303 TN202\nDeletes all rows of an entity in a feature set, such as those of a customer who is to be forgotten, and returns how many. Needs can_edit_agents.';
grant execute on function app_public.delete_ml_features to rowhouse_user;

-- A backfill was computed later than the time for which it is asked, so it is only seen by whoever wants it.
create or replace function app_public.features_as_of(
  feature_set text, entity_id text, at timestamptz default null, with_backfill boolean default false) returns jsonb
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_at constant timestamptz := coalesce(features_as_of.at, core.clock());
  v_row app_public.ml_features;
begin
  if not tenancy.has_role('viewer') then
    return null;
  end if;
  perform ml.feature_set_of(features_as_of.feature_set);
  select * into v_row from app_public.ml_features f
   where f.tenant_id = core.current_tenant_id() and f.feature_set = features_as_of.feature_set and f.entity_id = features_as_of.entity_id
     and f.observed_at <= v_at
     and (f.computed_at <= v_at or f.is_backfill and coalesce(features_as_of.with_backfill, false))
   order by f.observed_at desc, f.computed_at desc limit 1;
  return case when v_row.observed_at + v_row.validity_period > v_at then v_row.features end;
end
$$;
comment on function app_public.features_as_of is
  E'@errors ML303\nThe features of an entity as they were known at a time, by default now: of the rows that were recorded by then, the one about the latest time until then, if it still held. What was recorded or corrected later is never seen; with_backfill also shows what the statement of the set computed for that time afterwards. Null when there is none.';
grant execute on function app_public.features_as_of to rowhouse_user;

create or replace view ml.feature_ages with (security_invoker = true) as
  select s.tenant_id, s.name as feature_set, extract(epoch from core.clock() - coalesce(s.last_computed_at, s.created_at)) as age_seconds
    from app_public.ml_feature_sets s;
comment on view ml.feature_ages is 'For each feature set how many seconds ago rows of it were stored.';
call observability.define_metric('ml_feature_age_seconds', 'For how long no rows of a feature set were stored.', 'seconds', '{greatest}',
  'ml.feature_ages t', 't.age_seconds', filter_columns => '{"feature_set": "t.feature_set"}');
