-- Ridge regression: y = b0 + Σ bi xi with the least Σ (y - ŷ)² + λ Σ (bi si)², si the standard deviation of xi; so the penalty does not
-- depend on units, and λ = 0 is ordinary least squares. One pass adds up all products (the normal equations), Cholesky solves them. What is
-- added up is the distance from the mean of the first rows: else large values with small differences would cancel each other's digits.

create or replace function ml.solve_normal_equations(matrix double precision[], rhs double precision[]) returns double precision[]
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_least_pivot constant double precision := 1e-10;
  n constant int := cardinality(rhs);
  l double precision[] := array_fill(0::double precision, array[n * n]);
  x double precision[] := array_fill(0::double precision, array[n]);
  s double precision;
begin
  for j in 1..n loop
    for i in j..n loop
      s := matrix[(i - 1) * n + j];
      for k in 1..j - 1 loop
        s := s - l[(i - 1) * n + k] * l[(j - 1) * n + k];
      end loop;
      if i = j then
        -- what the features before explain gets the coefficient 0
        exit when s < v_least_pivot;
        l[(j - 1) * n + j] := sqrt(s);
      else
        l[(i - 1) * n + j] := s / l[(j - 1) * n + j];
      end if;
    end loop;
  end loop;
  for j in 1..n loop
    continue when l[(j - 1) * n + j] = 0;
    s := rhs[j];
    for k in 1..j - 1 loop
      s := s - l[(j - 1) * n + k] * x[k];
    end loop;
    x[j] := s / l[(j - 1) * n + j];
  end loop;
  for j in reverse n..1 loop
    continue when l[(j - 1) * n + j] = 0;
    s := x[j];
    for k in j + 1..n loop
      s := s - l[(k - 1) * n + j] * x[k];
    end loop;
    x[j] := s / l[(j - 1) * n + j];
  end loop;
  return x;
end
$$;
comment on function ml.solve_normal_equations is
  'The solution of a symmetric system of equations, given row by row with ones on the diagonal or more, by Cholesky''s decomposition. An unknown that follows from those before it is 0.';

create or replace function ml.numbers_at(positions int[], shifts double precision[], source text default 'f.numbers') returns text
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select string_agg(format('coalesce(%s[%s], %L::float8) - %3$L::float8 as x%s', source, p.position, s.shift, p.ordinality), ', ' order by p.ordinality)
    from unnest(positions) with ordinality p (position, ordinality)
    join unnest(shifts) with ordinality s (shift, ordinality) using (ordinality);
$$;
comment on function ml.numbers_at is 'SQL for features as distances from their shifts. A missing value counts as the shift.';

create or replace function ml.rows_of_set() returns text
language sql immutable parallel safe
return 'app_public.ml_features f where f.tenant_id = $1 and f.feature_set = $2 and f.is_latest';
comment on function ml.rows_of_set is 'SQL for the latest rows of a feature set: $1 is the tenant, $2 the set.';

create or replace function ml.first_means(set app_public.ml_feature_sets, positions int[]) returns double precision[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_rows constant int := 10000;
  v_means double precision[];
begin
  execute format('select array[%s] from (select f.numbers as n from %s order by f.entity_id, f.observed_at, f.computed_at limit %s) r',
      (select string_agg(format('coalesce(avg(n[%s]), 0)', p), ', ' order by o) from unnest(positions) with ordinality u (p, o)), ml.rows_of_set(), v_rows)
    into v_means using (set).tenant_id, (set).name;
  return v_means;
end
$$;
comment on function ml.first_means is 'The means of features over the first 10,000 rows of a set; 0 for one that has no value there.';

-- The sums of all products of y, x1, x2 …: the upper triangle, row by row, after the sums of each.
create or replace function ml.sums_sql(feature_count int) returns text
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select format('array[%s], array[%s]',
    (select string_agg(format('sum(x%s)', i), ', ' order by i) from generate_series(0, feature_count) i),
    (select string_agg(format('sum(x%s * x%s)', i, j), ', ' order by i, j)
       from generate_series(0, feature_count) i cross join generate_series(i, feature_count) j));
$$;
comment on function ml.sums_sql is 'SQL for the sums of x0 (the target) to xn, and of the products of each two of them.';

create or replace function ml.centred_products(row_count bigint, sums double precision[], products double precision[]) returns double precision[]
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  n constant int := cardinality(sums);
  v_centred double precision[] := array_fill(0::double precision, array[n * n]);
  v_next int := 1;
begin
  for i in 1..n loop
    for j in i..n loop
      v_centred[(i - 1) * n + j] := products[v_next] - sums[i] / row_count * sums[j];
      v_centred[(j - 1) * n + i] := v_centred[(i - 1) * n + j];
      v_next := v_next + 1;
    end loop;
  end loop;
  return v_centred;
end
$$;
comment on function ml.centred_products is 'The sums of the products of distances from the means: a full matrix, row by row.';

create or replace function ml.coefficients_of(
  row_count bigint, sums double precision[], products double precision[], shifts double precision[], lambda double precision)
returns double precision[]
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tiny constant double precision := 1e-10;
  n constant int := cardinality(sums);
  k constant int := n - 1;
  v_centred constant double precision[] := ml.centred_products(row_count, sums, products);
  v_scale double precision[] := '{}';
  v_matrix double precision[] := array_fill(0::double precision, array[k * k]);
  v_rhs double precision[] := array_fill(0::double precision, array[k]);
  v_result double precision[];
  v_intercept double precision := shifts[1] + sums[1] / row_count;
begin
  for i in 1..n loop
    -- What differs by rounding alone is constant, and a constant explains nothing.
    v_scale := v_scale || case
      when v_centred[(i - 1) * n + i] <= row_count * (v_tiny * shifts[i]) ^ 2 or v_centred[(i - 1) * n + i] < 1e-150 then 0
      else sqrt(v_centred[(i - 1) * n + i]) end;
  end loop;
  for i in 1..k loop
    for j in 1..k loop
      v_matrix[(i - 1) * k + j] := case
        when i = j then case when v_scale[i + 1] > 0 then 1 + lambda / row_count else 0 end
        when v_scale[i + 1] > 0 and v_scale[j + 1] > 0 then v_centred[i * n + j + 1] / v_scale[i + 1] / v_scale[j + 1]
        else 0 end;
    end loop;
    if v_scale[i + 1] > 0 and v_scale[1] > 0 then
      v_rhs[i] := v_centred[i + 1] / v_scale[1] / v_scale[i + 1];
    end if;
  end loop;
  v_result := ml.solve_normal_equations(v_matrix, v_rhs);
  for i in 1..k loop
    v_result[i] := ml.round_digits(case when v_scale[i + 1] > 0 then v_result[i] * v_scale[1] / v_scale[i + 1] else 0 end);
    v_intercept := v_intercept - v_result[i] * (shifts[i + 1] + sums[i + 1] / row_count);
  end loop;
  return array_prepend(ml.round_digits(v_intercept), v_result);
end
$$;
comment on function ml.coefficients_of is 'The intercept and the coefficients, from the sums of one pass: those of the target first.';

create or replace function ml.linear_expression(artefact jsonb, source text default 'f.numbers') returns text
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select format('(%L::float8', artefact ->> 'intercept') || string_agg(
      format(' + %L::float8 * coalesce(%s[%s], %L::float8)', c.value ->> 'coefficient', linear_expression.source, (c.value ->> 'position')::int,
             c.value ->> 'missing'), '' order by c.ordinality) || ')'
    from jsonb_array_elements(artefact -> 'terms') with ordinality c;
$$;
comment on function ml.linear_expression is 'SQL for the prediction of a linear model from the numbers of a row.';

create or replace function ml.held_out_rows(set app_public.ml_feature_sets, artefact jsonb, seed int) returns text
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select format(
    'select f.numbers[%1$s] as y, %2$s as p, hash_array_extended(f.numbers, 0) as h from %3$s and f.numbers[%1$s] is not null
        and ((hash_array_extended(f.numbers, 0) # %4$L::int8) & 9223372036854775807) %% %5$s = 0',
    (artefact ->> 'target_position')::int, ml.linear_expression(artefact), ml.rows_of_set(), ml.seed_mask(seed), ml.share_held_out());
$$;
comment on function ml.held_out_rows is 'SQL for the rows that were held out from training: what was to be predicted, the prediction, and the hash of the row.';

create or replace function ml.calibrate_ridge(set app_public.ml_feature_sets, artefact jsonb, seed int) returns jsonb
language plpgsql stable
set search_path to pg_catalog, pg_temp
set jit to off
as $$
declare
  v_width double precision;
  v_coverage double precision;
begin
  -- One half gives the width, the other says how often it was enough.
  execute format('with r as materialized (select abs(y - p) as e, (h & 1024) = 0 as is_first from (%s) o)
      select w.width, (select avg((r.e <= w.width)::int) from r where not r.is_first)
        from (select percentile_disc(0.9) within group (order by r.e) as width from r where r.is_first) w', ml.held_out_rows(set, artefact, seed))
    into v_width, v_coverage using (set).tenant_id, (set).name;
  return artefact || jsonb_build_object('half_width', ml.round_digits(v_width), 'confidence', round(v_coverage::numeric, 2));
end
$$;
comment on function ml.calibrate_ridge is
  'Adds to a linear model how wide its intervals are, which is the 90 % quantile of the errors of one half of the rows that were held out, and how sure they are, which is the share of the other half whose error was less.';

create or replace function ml.fit_ridge(set app_public.ml_feature_sets, config jsonb, seed int) returns ml.fit
language plpgsql stable
set search_path to pg_catalog, pg_temp
set jit to off
-- The same rows are added in the same order.
set max_parallel_workers_per_gather to 0
set synchronize_seqscans to off
as $$
declare
  v_target constant int := ml.position_of(set, config ->> 'target', '{number,boolean}', 'target');
  v_lambda constant double precision := coalesce((config ->> 'lambda')::double precision, 1);
  v_names constant text[] := coalesce(
    (select array_agg(n.value order by n.ordinality) from jsonb_array_elements_text(config -> 'features') with ordinality n),
    array(select d.name from unnest((set).definitions) with ordinality d where d.type <> 'text' and d.name <> config ->> 'target'
           order by d.ordinality limit 50));
  v_positions constant int[] := array(select ml.position_of(set, n, '{number,boolean}', 'features') from unnest(v_names) with ordinality u (n, o) order by o);
  v_shifts double precision[];
  v_sums double precision[];
  v_products double precision[];
  v_coefficients double precision[];
  v_count bigint;
  v_xor bigint;
  v_sum numeric;
  v_fit ml.fit;
begin
  if v_names = '{}' or v_target = any (v_positions) or (select count(distinct n) < count(*) from unnest(v_names) n) then
    perform core.raise_error('ML404', 'config: features has the target, or one twice, or none.', 'Name each feature once, without the target.');
  end if;
  v_shifts := ml.first_means(set, v_target || v_positions);
  execute format('select count(*), bit_xor(h), sum(h & 2147483647), %s
      from (select hash_array_extended(f.numbers, 0) as h, f.numbers[%s] - %L::float8 as x0, %s from %s and f.numbers[%2$s] is not null offset 0) r
     where ((h # %6$L::int8) & 9223372036854775807) %% %7$s <> 0',
      ml.sums_sql(cardinality(v_positions)), v_target, v_shifts[1],
      ml.numbers_at(v_positions, v_shifts[2:]), ml.rows_of_set(), ml.seed_mask(seed), ml.share_held_out())
    into v_count, v_xor, v_sum, v_sums, v_products using (set).tenant_id, (set).name;
  if v_count < 10 then
    perform ml.raise_too_few(v_count, 10, 'rows to train on with a value of ' || (config ->> 'target'));
  end if;
  v_coefficients := ml.coefficients_of(v_count, v_sums, v_products, v_shifts, v_lambda);
  v_fit.artefact := jsonb_build_object(
    'kind', 'linear', 'target', config ->> 'target', 'target_position', v_target, 'intercept', v_coefficients[1],
    'terms', (select jsonb_agg(jsonb_build_object('name', v_names[i], 'position', v_positions[i], 'coefficient', v_coefficients[i + 1],
                                                  'missing', ml.round_digits(v_shifts[i + 1])) order by i)
                from generate_subscripts(v_names, 1) i));
  v_fit.hyperparameters := jsonb_build_object('lambda', v_lambda, 'features', to_jsonb(v_names), 'target', config ->> 'target');
  v_fit.data_info := jsonb_build_object('row_count', v_count);
  v_fit.data_hash := ml.hash_of_rows(v_count, v_xor, v_sum, array_to_string(v_target || v_positions, ','));
  return v_fit;
end
$$;
comment on function ml.fit_ridge is
  E'@errors ML404 ML405\nFits a linear model of the target. A row without the target is left out; a missing feature counts as its mean over the first 10,000 rows.';

create or replace function ml.evaluate_ridge(set app_public.ml_feature_sets, artefact jsonb, seed int) returns ml.evaluation
language plpgsql stable
set search_path to pg_catalog, pg_temp
set jit to off
set max_parallel_workers_per_gather to 0
set synchronize_seqscans to off
as $$
declare
  v_count bigint;
  v_xor bigint;
  v_sum numeric;
  v_evaluation ml.evaluation;
begin
  execute format('select count(*), bit_xor(h), sum(h & 2147483647), jsonb_strip_nulls(jsonb_build_object(
        ''rmse'', sqrt(sum((y - p) ^ 2) / count(*)), ''mae'', avg(abs(y - p)), ''bias'', avg(p - y),
        ''r2'', case when var_pop(y) > (1e-10 * avg(y)) ^ 2 then 1 - sum((y - p) ^ 2) / (var_pop(y) * count(*)) end, ''coverage'', avg((abs(y - p) <= %L::float8)::int)))
      from (%s) o', artefact ->> 'half_width', ml.held_out_rows(set, artefact, seed))
    into v_count, v_xor, v_sum, v_evaluation.metrics using (set).tenant_id, (set).name;
  v_evaluation.row_count := v_count;
  v_evaluation.evaluation_hash := ml.hash_of_rows(v_count, v_xor, v_sum, artefact ->> 'target');
  return v_evaluation;
end
$$;
comment on function ml.evaluate_ridge is
  'Measures a linear model on the rows that a seed holds out: rmse, mae, bias (mean of prediction minus value), r2 (none for a constant target), and coverage (the share of values within the interval).';
