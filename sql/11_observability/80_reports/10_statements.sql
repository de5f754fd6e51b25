-- Reports: saved statements over the schema analytics, run by the worker in the name of a tenant, kept, sent and offered as files.
-- 10 says which statements are allowed and how one is run, 20 what a report is, 30 its runs, 40 its files and mails, 50 the built-in ones.
--
-- A statement is a stranger's SQL, so it stands behind three walls. PostgreSQL's own parser says what it names: views of analytics
-- and functions without effects, nothing else. It runs as rowhouse_reporter, a role that has a right to these views alone, in a
-- read-only transaction. And the tenant is a row that only this transaction sees (tenancy.begin_reporting), not a setting.

grant execute on function observability.bucket_value to rowhouse_reporter;
-- Only what every analyst reads, without the texts of prompts.
set local role rowhouse_analytics;  -- the owner of the views
grant select on all tables in schema analytics to rowhouse_reporter;
revoke select on analytics.fact_llm_texts from rowhouse_reporter;
set local role rowhouse_owner;

create or replace function observability.is_harmless(function oid) returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  -- A stable function may read settings and the catalogue, so those that are needed are named. The last four, with one short
  -- argument, make a value that fills the memory.
  select p.pronamespace = 'pg_catalog'::regnamespace
     and (p.provolatile = 'i' or p.provolatile = 's' and p.proname ~
           '^(age$|any|array_to_|concat|date|enum_|extract$|generate_series$|in_range$|interval_|json|length$|make_|now$|numeric$|overlaps$|row_to_json$|statement_timestamp$|text|time|transaction_timestamp$|to_(char|date|json|jsonb|number|timestamp)$)')
     and p.proname not in ('repeat', 'lpad', 'rpad', 'array_fill')
    from pg_proc p where p.oid = is_harmless.function;
$$;
comment on function observability.is_harmless is
  'Whether the statement of a report may use a function: it has no effects, and tells nothing but what follows from its arguments and the time.';

create or replace function observability.parse_statement(statement text, types text[]) returns text
language plpgsql volatile
-- Names mean here what they mean when it runs.
set search_path to pg_catalog, analytics, pg_temp
as $$
declare
  v_probe constant text := 'report_probe_' || pg_backend_pid();
  v_tree text;
begin
  if parse_statement.statement ~ ';' then
    perform core.raise_error('OB480', 'statement has a semicolon.', 'Write one statement, without a semicolon in it; in a text write chr(59).');
  end if;
  -- The body of such a function is parsed when it is created, and what was created is undone.
  execute format(E'create function observability.%I(%s) returns setof record language sql begin atomic %s\n; end',
    v_probe, array_to_string(parse_statement.types, ', '), parse_statement.statement);
  select p.prosqlbody::text into v_tree from pg_proc p
   where p.pronamespace = 'observability'::regnamespace and p.proname = v_probe;
  raise exception using errcode = 'ZZ000';
exception
  when sqlstate 'ZZ000' then
    return v_tree;
  when sqlstate 'OB480' then
    raise;
  when others then
    perform core.raise_error('OB480', format('statement cannot be read: %s', left(sqlerrm, 500)),
      'Write one select over the views of the schema analytics. Parameters are $1, $2 and so on.');
end
$$;
comment on function observability.parse_statement is
  E'@errors OB480\nThe tree that PostgreSQL''s parser makes of a statement, with all names resolved. Nothing is run.';

create or replace function observability.check_statement(statement text, types text[]) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tree constant text := observability.parse_statement(check_statement.statement, check_statement.types);
  v_relations constant oid[] := array(select distinct m[1]::oid from regexp_matches(v_tree, ':relid (\d+)', 'g') m);
  v_name text;
begin
  if exists (select from regexp_matches(v_tree, ':(?:commandType ([02-9])|hasForUpdate true)', 'g')) then
    perform core.raise_error('OB480', 'statement does not only read.', 'Write one select.');
  end if;
  select c.oid::regclass::text into v_name from pg_class c
   where c.oid = any (v_relations)
     and not (c.relnamespace = 'analytics'::regnamespace and has_table_privilege('rowhouse_reporter', c.oid, 'select'))
   order by 1 limit 1;
  if found then
    perform core.raise_error('OB481', format('statement reads %s, which no report may.', v_name), 'docs/analytics.md lists what reports may read.');
  end if;
  select p.proname into v_name
    from regexp_matches(v_tree, ':(?:funcid|opfuncid|aggfnoid|winfnoid|tsmhandler) (\d+)', 'g') m
    join pg_proc p on p.oid = m[1]::oid
   where not observability.is_harmless(p.oid)
   order by 1 limit 1;
  if found then
    perform core.raise_error('OB482', format('statement uses the function %s, which no report may.', v_name),
      'Functions with effects, those that read settings or the catalogue, and those that make texts of any length are not allowed.');
  end if;
  -- A value of these types shows as the name of what has this number in the catalogue.
  select t.typname into v_name
    from regexp_matches(v_tree, ':\w*types? (?:\(o )?(\d[\d ]*)', 'g') m
   cross join regexp_split_to_table(btrim(m[1]), ' +') o
    join pg_type t on t.oid = o::oid and t.typnamespace = 'pg_catalog'::regnamespace and t.typname ~ '^_?reg'
   order by 1 limit 1;
  if found then
    perform core.raise_error('OB482', format('statement uses the type %s, which no report may.', v_name), 'Such types tell what the catalogue has.');
  end if;
  return 'analytics.fact_invoices'::regclass = any (v_relations);
end
$$;
comment on function observability.check_statement is
  E'@errors OB480 OB481 OB482\nRefuses a statement that is not one select over views of analytics with harmless functions. Returns whether it reads what needs the permission can_manage_billing.';
grant execute on function observability.check_statement to rowhouse_platform;

create or replace function observability.check_parameters(parameters app_public.report_parameter[]) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_one record;
begin
  for v_one in select p.name, p.type, p.default_value, count(*) over (partition by p.name) as name_count from unnest(parameters) p loop
    if coalesce(v_one.name !~ '^[a-z][a-z0-9_]{0,62}$', true) or v_one.type is null or v_one.name_count > 1 or length(v_one.default_value) > 1000 then
      perform core.raise_error('OB483', 'parameters has one without a type, or without a name of its own of lower-case letters, digits and underscores, or with a default of more than 1,000 characters.');
    end if;
    perform observability.check_value(v_one.name, v_one.type, v_one.default_value);
  end loop;
end
$$;
comment on function observability.check_parameters is
  E'@errors OB483 OB484\nRefuses parameters without a name, a type or a proper default.';

create or replace function observability.check_value(name text, type text, value text) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  case check_value.type
    when 'int' then perform check_value.value::int;
    when 'numeric' then perform check_value.value::numeric;
    when 'date' then perform check_value.value::date;
    when 'timestamptz' then perform check_value.value::timestamptz;
    when 'uuid' then perform check_value.value::uuid;
    when 'boolean' then perform check_value.value::boolean;
    else null;
  end case;
exception
  when data_exception or datetime_field_overflow then
    perform core.raise_error('OB484', format('arguments has for %s no value of the type %s.', check_value.name, check_value.type));
end
$$;
comment on function observability.check_value is E'@errors OB484\nRefuses a value that is not of its type.';

create or replace function observability.bind_arguments(parameters app_public.report_parameter[], arguments jsonb) returns text[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_one app_public.report_parameter;
  v_value text;
  v_values text[] := '{}';
begin
  select k into v_value from jsonb_object_keys(bind_arguments.arguments) k
   where not exists (select from unnest(bind_arguments.parameters) p where p.name = k) order by 1 limit 1;
  if found then
    perform core.raise_error('OB484', format('arguments has %s, which the report does not know.', left(v_value, 100)));
  end if;
  foreach v_one in array bind_arguments.parameters loop
    v_value := coalesce(bind_arguments.arguments ->> v_one.name, v_one.default_value);
    if v_value is null and v_one.is_required then
      perform core.raise_error('OB484', format('arguments lacks %s.', v_one.name));
    end if;
    perform observability.check_value(v_one.name, v_one.type, v_value);
    v_values := v_values || v_value;
  end loop;
  return v_values;
end
$$;
comment on function observability.bind_arguments is
  E'@errors OB484\nThe values of the parameters in their order, each of its type: of the arguments, or their defaults.';
grant execute on function observability.check_parameters, observability.check_value, observability.bind_arguments to rowhouse_platform;

-- It is a definer function, because inside of one PostgreSQL lets nothing change the role. Its owner is the only one who may call it.
set local role rowhouse_reporter;  -- the statement must not find more rights here than it has
create or replace function observability.fetch_report(most_rows int, most_bytes int) returns setof text[]
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_cursor refcursor := 'report';
  v_row record;
  v_values text[];
  v_rows int := 0;
  v_bytes int := 0;
begin
  loop
    fetch v_cursor into v_row;
    exit when not found;
    v_rows := v_rows + 1;
    if v_rows > fetch_report.most_rows then
      raise exception using errcode = 'program_limit_exceeded', message = format('The result has more than %s rows.', fetch_report.most_rows);
    end if;
    -- A value is looked at before it is copied.
    if pg_column_size(v_row) <= fetch_report.most_bytes then
      v_values := array(select value from json_each_text(row_to_json(v_row)));
      v_bytes := v_bytes + pg_column_size(v_values);
    end if;
    if pg_column_size(v_row) > fetch_report.most_bytes or v_bytes > fetch_report.most_bytes then
      raise exception using errcode = 'program_limit_exceeded', message = format('The result has more than %s bytes.', fetch_report.most_bytes);
    end if;
    return next v_values;
  end loop;
end
$$;
comment on function observability.fetch_report is
  'The rows of the cursor report, each value as JSON writes it. For the server alone, which opens the cursor as rowhouse_reporter; more rows or bytes than are allowed are an error.';
revoke execute on function observability.fetch_report from public;
set local role rowhouse_owner;
