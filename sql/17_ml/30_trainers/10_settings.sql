-- Trainers: each reads the latest rows of a feature set and gives what a model consists of, in SQL alone. 10 checks settings and has what
-- they share, 20 is linear regression, 30 forecasts a series, 40 finds anomalies, 50 recommends, and 60 says which is which.
--
-- They are deterministic: rows are held out by their hash and the seed, sums are added in one order, and coefficients are rounded to 12
-- digits. They never give NaN: what cannot be computed, such as R² of a constant, is null, and what cannot be trained is an error.

comment on type ml.fit is 'What a trainer gives: what the model consists of, the settings it chose, what it read, and a hash of that.';
comment on type ml.evaluation is 'What an evaluation gives: metrics by their names, of how many rows, and a hash of these rows.';
comment on type ml.smoothing is 'Where exponential smoothing stands: level, trend, season, and the sum of the squares of its errors by one step.';

create or replace function ml.round_digits(value double precision) returns double precision
language sql immutable parallel safe
return case when abs(value) < 1e-100 then 0 else to_char(value, '9.99999999999EEEE')::double precision end;
comment on function ml.round_digits is 'A number to 12 significant digits; one below 1e-100 is 0.';

create or replace function ml.share_held_out() returns int
language sql immutable parallel safe
return 5;
comment on function ml.share_held_out is 'One row of so many is held out from training, to measure what the model is worth.';

create or replace function ml.seed_mask(seed int) returns bigint
language sql immutable parallel safe
return hashint4extended(seed, 17);
comment on function ml.seed_mask is 'What the hash of a row is combined with, so that another seed holds out other rows.';

create or replace function ml.hash_of_rows(row_count bigint, xor_of_hashes bigint, sum_of_hashes numeric, what text) returns bytea
language sql immutable parallel safe
return sha256(convert_to(concat_ws(' ', row_count, xor_of_hashes, sum_of_hashes, what), 'UTF8'));
comment on function ml.hash_of_rows is 'The hash of a set of rows, whatever their order: of their number, the exclusive or and the sum of their hashes, and what was read of them.';

create or replace function ml.setting_faults(config jsonb, known jsonb) returns text
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(
    (select format('%s is not a setting of this trainer', left(k, 63)) from jsonb_object_keys(config) k where not known ? k order by k limit 1),
    (select format('%s must be %s', k.key, k.value #>> '{words}')
       from jsonb_each(known) k
      where case when config -> k.key is null then coalesce((k.value ->> 'required')::boolean, false)
                 else not jsonb_path_match(config -> k.key, (k.value ->> 'test')::jsonpath, silent => true) is true end
      order by k.key limit 1));
$$;
comment on function ml.setting_faults is 'The first setting that a trainer does not know, or whose value does not pass its test, in words.';

create or replace function ml.known_settings(trainer app_public.ml_trainer) returns jsonb
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select case trainer
    when 'ridge' then '{
      "target": {"required": true, "test": "$.type() == \"string\"", "words": "the name of a number or boolean of the set"},
      "features": {"test": "$.type() == \"array\" && $.size() >= 1 && $.size() <= 50", "words": "a list of 1 to 50 names of features"},
      "lambda": {"test": "$.type() == \"number\" && $ >= 0 && $ <= 1000000000", "words": "a number from 0 to 1,000,000,000"}}'
    when 'holt_winters' then '{
      "target": {"required": true, "test": "$.type() == \"string\"", "words": "the name of a number of the set"},
      "entity": {"test": "$.type() == \"string\"", "words": "the id of an entity"},
      "season_length": {"test": "$.type() == \"number\" && $ >= 1 && $ <= 400 && $ == $.floor()", "words": "a whole number from 1, for no season, to 400"},
      "horizon": {"test": "$.type() == \"number\" && $ >= 1 && $ <= 400 && $ == $.floor()", "words": "a whole number from 1 to 400"}}'
    when 'seasonal_zscore' then '{
      "target": {"required": true, "test": "$.type() == \"string\"", "words": "the name of a number of the set"},
      "label": {"test": "$.type() == \"string\"", "words": "the name of a boolean of the set"},
      "season": {"test": "$ == \"none\" || $ == \"hour_of_day\" || $ == \"day_of_week\" || $ == \"hour_of_week\" || $ == \"month_of_year\"", "words": "none, hour_of_day, day_of_week, hour_of_week or month_of_year"},
      "threshold": {"test": "$.type() == \"number\" && $ > 0 && $ <= 1000", "words": "a number above 0, to 1,000"}}'
    when 'item_item' then '{
      "item": {"required": true, "test": "$.type() == \"string\"", "words": "the name of a text of the set"},
      "neighbours": {"test": "$.type() == \"number\" && $ >= 1 && $ <= 100 && $ == $.floor()", "words": "a whole number from 1 to 100"}}'
  end::jsonb;
$$;
comment on function ml.known_settings is 'The settings of a trainer: whether one is required, its test as a path of SQL/JSON, and the test in words.';

create or replace function ml.position_of(set app_public.ml_feature_sets, name text, types text[], field text) returns int
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_position int;
begin
  select d.ordinality into v_position from unnest((set).definitions) with ordinality d
   where d.name = position_of.name and d.type = any (position_of.types);
  if not found then
    perform core.raise_error('ML404', format('config: %s names %s, which is no %s of the feature set %s.', position_of.field,
      coalesce(left(position_of.name, 63), 'nothing'), array_to_string(position_of.types, ' or '), (set).name), 'Read its definitions.');
  end if;
  return v_position;
end
$$;
comment on function ml.position_of is E'@errors ML404\nThe place of a feature among the definitions of a set; it must be of one of these types.';

create or replace function ml.raise_too_few(row_count bigint, needed bigint, what text) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  perform core.raise_error('ML405', format('There are %s %s; %s are needed.', raise_too_few.row_count, raise_too_few.what, raise_too_few.needed),
    'Record more features, and train again.');
end
$$;
comment on function ml.raise_too_few is E'@errors ML405\nRaises the error for data that is too short to train on.';
