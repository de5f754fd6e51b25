-- Forecasts of a series by additive exponential smoothing (Holt-Winters): level, trend and season, each with its own weight of the new.
-- The weights are those of a fixed grid with the least error by one step. What it is worth is measured on the last points, which are held
-- out, beside the seasonal-naive forecast: the value of one season before. MASE is after Hyndman and Koehler (2006).

create or replace function ml.most_points() returns int
language sql immutable parallel safe
return 5000;
comment on function ml.most_points is 'How many points of a series are read at most: the last ones.';

-- Missing points between two are on the line between them.
create or replace function ml.series_of(set app_public.ml_feature_sets, config jsonb, out "values" double precision[], out step interval,
  out last_at timestamptz, out missing_count int, out data_hash bytea)
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_target constant int := ml.position_of(set, config ->> 'target', '{number}', 'target');
  v_times timestamptz[];
  v_given double precision[];
  v_step double precision;
  v_gap int;
begin
  select array_agg(p.at order by p.at), array_agg(p.value order by p.at) into v_times, v_given
    from (select f.observed_at as at, sum(f.numbers[v_target] order by f.entity_id) as value
            from app_public.ml_features f
           where f.tenant_id = (set).tenant_id and f.feature_set = (set).name and f.is_latest and f.numbers[v_target] is not null
             and (config ->> 'entity' is null or f.entity_id = config ->> 'entity')
           group by f.observed_at
           order by f.observed_at desc limit ml.most_points()) p;
  if coalesce(cardinality(v_given), 0) < 4 then
    perform ml.raise_too_few(coalesce(cardinality(v_given), 0), 4, 'points of the series');
  end if;
  select percentile_disc(0.5) within group (order by extract(epoch from v_times[i + 1] - v_times[i])) into v_step
    from generate_series(1, cardinality(v_times) - 1) i;
  -- Months differ in their days.
  step := case when v_step between 28 * 86400 and 31 * 86400 then interval '1 month' else make_interval(secs => v_step) end;
  "values" := v_given[1:1];
  missing_count := 0;
  for i in 2..cardinality(v_given) loop
    v_gap := least(round(extract(epoch from v_times[i] - v_times[i - 1]) / v_step), ml.most_points());
    for g in 1..v_gap - 1 loop
      "values" := "values" || (v_given[i - 1] + (v_given[i] - v_given[i - 1]) * g / v_gap);
    end loop;
    missing_count := missing_count + greatest(v_gap - 1, 0);
    "values" := "values" || v_given[i];
    if cardinality("values") > 2 * ml.most_points() then
      perform core.raise_error('ML406', 'The series has too many gaps.', 'Record the missing points, or train on a shorter series.');
    end if;
  end loop;
  "values" := "values"[greatest(cardinality("values") - ml.most_points() + 1, 1):];
  last_at := v_times[cardinality(v_times)];
  data_hash := sha256(convert_to(concat_ws(' ', last_at at time zone 'UTC', step, array_to_string("values", ',')), 'UTF8'));
end
$$;
comment on function ml.series_of is
  E'@errors ML404 ML405 ML406\nThe series of a target: of one entity, or the sum over all entities at each time; its usual step, the time of its last point, and how many missing points were filled in.';

create or replace function ml.smooth(
  series double precision[], season_length int, alpha double precision, beta double precision, gamma double precision) returns ml.smoothing
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  m constant int := season_length;
  n constant int := cardinality(series);
  v_level double precision;
  v_trend double precision;
  v_before double precision;
  v_season double precision[] := array_fill(0::double precision, array[m]);
  v_slot int;
  v_error double precision;
  v_sum double precision := 0;
  v_first double precision := 0;
  v_second double precision := 0;
begin
  if m = 1 then
    v_level := series[1];
    v_trend := series[2] - series[1];
  else
    for i in 1..m loop
      v_first := v_first + series[i] / m;
      v_second := v_second + series[m + i] / m;
    end loop;
    v_trend := (v_second - v_first) / m;
    v_level := v_first + v_trend * (m - 1) / 2;
    for i in 1..m loop
      v_season[i] := series[i] - (v_first + v_trend * (i - (m + 1) / 2.0));
    end loop;
  end if;
  for t in m + 1..n loop
    v_slot := (t - 1) % m + 1;
    v_error := series[t] - (v_level + v_trend + v_season[v_slot]);
    -- An error that dies away would in the end be too small to be computed with.
    if abs(v_error) < 1e-100 then
      v_error := 0;
    end if;
    v_sum := v_sum + v_error * v_error;
    v_before := v_level;
    v_level := v_level + v_trend + alpha * v_error;
    v_trend := v_trend + beta * (v_level - v_before - v_trend);
    if m > 1 then
      v_season[v_slot] := v_season[v_slot] + gamma * (1 - alpha) * v_error;
    end if;
  end loop;
  return (v_level, v_trend, v_season, v_sum)::ml.smoothing;
end
$$;
comment on function ml.smooth is
  'Goes through a series with these weights of level, trend and season. A season of 1 is none. The season is kept by the place in the series, from its first point.';

create or replace function ml.choose_weights(series double precision[], season_length int) returns double precision[]
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select array[a, b, g]
    from unnest('{0.02, 0.1, 0.3, 0.6, 0.9}'::float8[]) a cross join unnest('{0, 0.05, 0.2}'::float8[]) b
   cross join unnest(case when season_length = 1 then '{0}' else '{0.05, 0.2, 0.5}'::float8[] end) g
   cross join lateral ml.smooth(series, season_length, a, b, g) s
   order by s.squared_error, a, b, g limit 1;
$$;
comment on function ml.choose_weights is 'Of a fixed grid the weights with the least squared error by one step; of equal ones the smallest.';

create or replace function ml.forecast_value(smoothing ml.smoothing, point_count int, ahead int) returns double precision
language sql immutable parallel safe
return (smoothing).level + (smoothing).trend * ahead
  + (smoothing).season[(point_count + ahead - 1) % cardinality((smoothing).season) + 1];
comment on function ml.forecast_value is 'The forecast so many steps after the last of so many points.';

-- The variance of an error h steps ahead is σ² (1 + Σ c(j)²) for j < h, with c(j) = α (1 + β j) and, at whole seasons, γ (1 - α) more
-- (Hyndman and others, 2008, for the additive model).
create or replace function ml.forecast_width(sigma double precision, weights double precision[], season_length int, ahead int) returns double precision
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select 1.6448536269514722 * sigma * sqrt(1 + coalesce(sum((weights[1] * (1 + weights[2] * j)
      + case when season_length > 1 and j % season_length = 0 then weights[3] * (1 - weights[1]) else 0 end) ^ 2), 0))
    from generate_series(1, ahead - 1) j;
$$;
comment on function ml.forecast_width is 'Half of the width of the interval in which a value lies with 90 %, if errors are normal.';

create or replace function ml.held_out_points(point_count int, season_length int, horizon int) returns int
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_held_out constant int := greatest(least(horizon, point_count / 4), 1);
begin
  if point_count - v_held_out < greatest(2 * season_length, 3) then
    perform ml.raise_too_few(point_count, greatest(2 * season_length, 3) + v_held_out, format('points of the series with seasons of %s', season_length));
  end if;
  return v_held_out;
end
$$;
comment on function ml.held_out_points is E'@errors ML405\nHow many of the last points are held out: the horizon, at most a quarter. Two seasons must be left.';

create or replace function ml.backtest(series double precision[], weights double precision[], season_length int, held_out int)
returns table (mae double precision, naive_mae double precision, scale double precision, coverage double precision)
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  n constant int := cardinality(series) - held_out;
  v_smoothing constant ml.smoothing := ml.smooth(series[:n], season_length, weights[1], weights[2], weights[3]);
  v_sigma constant double precision := sqrt((v_smoothing).squared_error / greatest(n - season_length, 1));
begin
  return query
    select avg(abs(e.actual - e.forecast)), avg(abs(e.actual - e.naive)),
           (select avg(abs(series[t] - series[t - season_length])) from generate_series(season_length + 1, n) t),
           avg((abs(e.actual - e.forecast) <= ml.forecast_width(v_sigma, weights, season_length, e.h))::int)::double precision
      from (select h, series[n + h] as actual, ml.forecast_value(v_smoothing, n, h) as forecast,
                   series[n - season_length + (h - 1) % season_length + 1] as naive
              from generate_series(1, held_out) h) e;
end
$$;
comment on function ml.backtest is
  'How well a series is forecast from all but its last points: the mean absolute error, that of the seasonal-naive forecast, the mean difference of a season within the points before, and the share of values within their intervals.';

create or replace function ml.fit_holt_winters(set app_public.ml_feature_sets, config jsonb, seed int) returns ml.fit
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_series record;
  v_season constant int := coalesce((config ->> 'season_length')::int, 1);
  v_horizon constant int := coalesce((config ->> 'horizon')::int, 12);
  v_held_out int;
  v_weights double precision[];
  v_final ml.smoothing;
  v_fit ml.fit;
begin
  select * into v_series from ml.series_of(set, config);
  v_held_out := ml.held_out_points(cardinality(v_series."values"), v_season, v_horizon);
  v_weights := ml.choose_weights(v_series."values"[:cardinality(v_series."values") - v_held_out], v_season);
  v_final := ml.smooth(v_series."values", v_season, v_weights[1], v_weights[2], v_weights[3]);
  v_fit.artefact := jsonb_build_object(
    'kind', 'forecast', 'target', config ->> 'target', 'entity', config ->> 'entity', 'weights', to_jsonb(v_weights), 'season_length', v_season,
    'horizon', v_horizon, 'point_count', cardinality(v_series."values"), 'last_at', v_series.last_at, 'step', v_series.step,
    'level', ml.round_digits(v_final.level), 'trend', ml.round_digits(v_final.trend),
    'season', (select jsonb_agg(ml.round_digits(s) order by o) from unnest(v_final.season) with ordinality u (s, o)),
    'sigma', ml.round_digits(sqrt(v_final.squared_error / greatest(cardinality(v_series."values") - v_season, 1))),
    'confidence', (select round(b.coverage::numeric, 2) from ml.backtest(v_series."values", v_weights, v_season, v_held_out) b));
  v_fit.hyperparameters := jsonb_build_object('season_length', v_season, 'horizon', v_horizon, 'alpha', v_weights[1], 'beta', v_weights[2],
    'gamma', v_weights[3], 'target', config ->> 'target', 'entity', config ->> 'entity');
  v_fit.data_info := jsonb_build_object('row_count', cardinality(v_series."values"), 'filled_in_count', v_series.missing_count);
  v_fit.data_hash := v_series.data_hash;
  return v_fit;
end
$$;
comment on function ml.fit_holt_winters is
  E'@errors ML404 ML405 ML406\nFits a forecast of a series. The weights are chosen without the last points; level, trend and season are those at the end of the whole series. The seed changes nothing.';

-- A champion is measured with its own weights on the points that the new model was measured on.
create or replace function ml.evaluate_holt_winters(set app_public.ml_feature_sets, artefact jsonb, config jsonb) returns ml.evaluation
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_series record;
  v_season constant int := (artefact ->> 'season_length')::int;
  v_held_out int;
  v_test record;
  v_evaluation ml.evaluation;
begin
  select * into v_series from ml.series_of(set, config);
  v_held_out := ml.held_out_points(cardinality(v_series."values"), v_season, coalesce((config ->> 'horizon')::int, 12));
  select * into v_test from ml.backtest(v_series."values",
    array(select w::double precision from jsonb_array_elements_text(artefact -> 'weights') with ordinality u (w, o) order by o), v_season, v_held_out);
  v_evaluation.metrics := jsonb_strip_nulls(jsonb_build_object('mae', v_test.mae, 'mase', v_test.mae / nullif(v_test.scale, 0),
    'mase_of_seasonal_naive', v_test.naive_mae / nullif(v_test.scale, 0), 'mae_of_seasonal_naive', v_test.naive_mae, 'coverage', v_test.coverage));
  v_evaluation.row_count := v_held_out;
  v_evaluation.evaluation_hash := sha256(v_series.data_hash || convert_to(format(' %s of %s', v_held_out, config ->> 'target'), 'UTF8'));
  return v_evaluation;
end
$$;
comment on function ml.evaluate_holt_winters is
  E'@errors ML404 ML405 ML406\nMeasures a forecast on the last points of the series: mae, mase (mae by the mean difference of a season in the points before; none for a constant series), both of the seasonal-naive forecast too, and coverage.';

create or replace function ml.forecast(artefact jsonb, ahead int) returns jsonb
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select jsonb_agg(jsonb_build_object('at', (artefact ->> 'last_at')::timestamptz + h * (artefact ->> 'step')::interval, 'value', v.value,
                                      'lower', v.value - w.width, 'upper', v.value + w.width) order by h)
    from (select array(select jsonb_array_elements_text(artefact -> 'season')::double precision) as season,
                 array(select jsonb_array_elements_text(artefact -> 'weights')::double precision) as weights) a
   cross join generate_series(1, forecast.ahead) h
   cross join lateral (select ml.forecast_value(
       ((artefact ->> 'level')::double precision, (artefact ->> 'trend')::double precision, a.season, 0)::ml.smoothing,
       (artefact ->> 'point_count')::int, h) as value) v
   cross join lateral (select ml.forecast_width((artefact ->> 'sigma')::double precision, a.weights, (artefact ->> 'season_length')::int, h) as width) w;
$$;
comment on function ml.forecast is 'The next values of a series: each with its time, and the interval in which it lies with 90 %.';
