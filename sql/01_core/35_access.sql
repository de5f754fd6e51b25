-- Access rules. Most policies ask for one thing: a role, a permission, one's own rows. Such a condition has a word, and
-- core.allow writes the policies from words; other policies are written out. core.who_may reads from the database who may
-- do what, and says it in English.

call core.secure_global_table('core.access_words', 'the words of access rules are the same for everyone');
comment on table core.access_words is 'The words of access rules: the condition that each stands for, and whom it lets in.';

create or replace procedure core.define_access(word text, condition text, who text, role name default 'rowhouse_user')
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into core.access_words as w (word, condition, who, role)
  values (define_access.word, define_access.condition, define_access.who, define_access.role)
  on conflict on constraint access_words_pkey
    do update set condition = excluded.condition, who = excluded.who, role = excluded.role;
end
$$;
comment on procedure core.define_access is
  'Adds a word of access rules: the condition that policies get, whom it lets in (in English), and the role it is for. A word without a role only explains policies that are written out.';

call core.define_access('everyone', 'true', 'everyone who is signed in');
call core.define_access('member', 'true', 'everyone in the tenant');
call core.define_access('self', 'user_id = (select core.current_user_id())', 'the person to whom the row belongs');
call core.define_access('staff', 'true', 'platform staff', 'rowhouse_admin');
-- words that are for reading policies that are written out, and not for core.allow
call core.define_access('not_deleted', 'deleted_at is null', 'it is not deleted', null);
call core.define_access('deleted', 'deleted_at is not null', 'it is deleted', null);
call core.define_access('own_tenant', 'tenant_id = (select core.current_tenant_id())', 'it belongs to this tenant', null);
call core.define_access('creator', 'created_by_user_id = (select core.current_user_id())', 'the person who created it', null);

create or replace procedure core.create_policy(target regclass, command text, word text)
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
declare
  v_word core.access_words;
begin
  select w.* into v_word from core.access_words w where w.word = create_policy.word and w.role is not null;
  if not found then
    perform core.raise_error('RH905', format('The word %s of an access rule is not defined.', create_policy.word),
      'Use a word of core.access_words, or write the policy out.');
  end if;
  execute format('create policy %I on %s for %s to %I %s', command || '_' || word, target, command, v_word.role,
    case command
      when 'insert' then format('with check (%s)', v_word.condition)
      when 'all' then format('using (%1$s) with check (%1$s)', v_word.condition)
      else format('using (%s)', v_word.condition)
    end);
end
$$;
comment on procedure core.create_policy is
  E'@errors RH905\nWrites the policy for one command from one word.';

create or replace procedure core.allow(
  target regclass, read text default null, write text default null,
  insert text default null, update text default null, delete text default null)
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
declare
  v_command text;
  v_word text;
begin
  for v_command, v_word in
    select c.command, w.word
      from (values ('select', allow.read), ('all', case allow.write when 'staff' then allow.write end),
                   ('insert', coalesce(allow.insert, nullif(allow.write, 'staff'))),
                   ('update', coalesce(allow.update, nullif(allow.write, 'staff'))),
                   ('delete', coalesce(allow.delete, nullif(allow.write, 'staff')))) as c (command, words)
     cross join regexp_split_to_table(c.words, '\s*,\s*') as w (word)
  loop
    call core.create_policy(target, v_command, v_word);
  end loop;
end
$$;
comment on procedure core.allow is
  E'@errors RH905\nLets people into a secured table, by words of core.access_words: read is for select, write is for insert, update and delete, and insert, update and delete are for one command each. With several words, as in ''self, can_view_analytics'', each of them lets people in. A command that is not named stays closed. When staff may write, they may also read.';

-- PostgreSQL stores a condition in a form of its own: in one case of letters, with casts, aliases and spaces. Without these,
-- a stored condition can be compared with the one that a word stands for.
create or replace function core.plain_condition(condition text) returns text
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(lower(trim(e' \n' from plain_condition.condition)),
    '\s+', ' ', 'g'),
    '::[a-z_.]+(\[\])?', '', 'g'),
    ' as \w+(?=\))', '', 'g'),
    '\( ', '(', 'g'),
    -- what is left of two casts of one constant
    '\(\((''[^'']*'')\)\)', '(\1)', 'g');
$$;
comment on function core.plain_condition is
  'A condition of a policy without the casts, aliases and spaces that PostgreSQL adds when it stores the policy.';

create or replace function core.condition_in_words(condition text) returns text
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_text text := core.plain_condition(condition_in_words.condition);
  v_word record;
begin
  for v_word in
    select core.plain_condition(w.condition) as condition, w.who from core.access_words w where w.condition <> 'true'
    -- the longer first, since one condition can be a part of another
     order by length(w.condition) desc, w.word
  loop
    v_text := replace(v_text, '(' || v_word.condition || ')', v_word.who);
    -- without parentheses only a sub-select or the whole, since other text can be a part of a longer condition
    if v_word.condition like '(select %' or v_word.condition = v_text then
      v_text := replace(v_text, v_word.condition, v_word.who);
    end if;
  end loop;
  -- PostgreSQL puts one pair of parentheses around the whole
  return regexp_replace(v_text, '^\((.*)\)$', '\1');
end
$$;
comment on function core.condition_in_words is
  'A condition of a policy in which each known condition is replaced by what core.access_words says of it.';

create or replace view core.who_may with (security_invoker = true) as
select c.oid::regclass::text as table_name,
       command.name as command,
       grantee.rolname::text as role,
       coalesce(word.who, core.condition_in_words(condition.text)) as who,
       case when command.name <> 'delete' then array(
         select a.attname::text from pg_attribute a
          where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and has_column_privilege(grantee.oid, c.oid, a.attnum, command.name)
          order by a.attnum)
       end as columns,
       (select string_agg(obj_description(w.oid, 'pg_policy'), ' ' order by w.polname)
          from pg_policy w
         where w.polrelid = c.oid and not w.polpermissive and grantee.oid = any (w.polroles) and w.polcmd in ('*', command.code)) as rows,
       case when command.name <> 'select' then (
         select string_agg(obj_description(t.oid, 'pg_trigger'), ' ' order by t.tgname)
           from pg_trigger t join core.table_guards g on g.name = t.tgname
          where t.tgrelid = c.oid)
       end as only_when,
       p.polname::text as policy
  from pg_class c
  join pg_policy p on p.polrelid = c.oid and p.polpermissive
 cross join (values ('select', 'r'::"char"), ('insert', 'a'), ('update', 'w'), ('delete', 'd')) as command (name, code)
  join pg_roles grantee on grantee.oid = any (p.polroles) and grantee.rolname not in ('rowhouse_owner', 'rowhouse_platform', 'rowhouse_own_rows', 'rowhouse_shared_rows')
 cross join lateral (
    select coalesce(pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) as text) as condition
  -- a policy that core.allow wrote has the name and the condition of its word
  left join core.access_words word
    on p.polname in (command.name || '_' || word.word, 'all_' || word.word)
   and core.plain_condition(condition.text) in (core.plain_condition(word.condition), '(' || core.plain_condition(word.condition) || ')')
 where c.relnamespace in (select core.api_schemas())
   and p.polcmd in ('*', command.code)
   and case command.name when 'delete' then has_table_privilege(grantee.oid, c.oid, 'delete')
         else has_any_column_privilege(grantee.oid, c.oid, command.name) end;
comment on view core.who_may is
  'Who may do what with the tables of the API, read from the policies, the granted columns, the guards and the walls. For example, who may rename an agent: select * from core.who_may where table_name = ''app_public.agents'' and command = ''update'' and ''name'' = any (columns). Functions that write are not in this view; the comment of each says who may call it.';
comment on column core.who_may.table_name is 'The table, with its schema.';
comment on column core.who_may.command is 'select, insert, update or delete.';
comment on column core.who_may.role is 'The database role: rowhouse_user (people and keys), rowhouse_admin (platform staff) or rowhouse_analytics (analysts).';
comment on column core.who_may.who is 'Whom the policy lets in, in English. Parts of a condition that have no word are shown as SQL.';
comment on column core.who_may.columns is 'The columns for which it holds; null for delete, which is for whole rows.';
comment on column core.who_may.rows is 'The wall: other rows than these cannot be reached, whatever the policy lets in.';
comment on column core.who_may.only_when is 'What else must be true for a write, such as the status of the tenant.';
comment on column core.who_may.policy is 'The name of the policy.';
