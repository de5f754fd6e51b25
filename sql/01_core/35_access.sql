-- Access is said once. Most policies are one word: a role, a permission, one's own rows, everyone. core.allow writes them
-- from the words; what needs thought stays a policy in words. core.who_may answers who may do what, from the catalogue.

call core.secure_global_table('core.access_words', 'the words of access rules are the same for everyone');
comment on table core.access_words is 'The words of access rules, the condition each stands for, and who that is.';

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
  'Adds a word of access rules: the condition that policies get, who that is in words, and the role it is for.';

call core.define_access('everyone', 'true', 'everyone who is signed in');
call core.define_access('member', 'true', 'everyone in the tenant');
call core.define_access('self', 'user_id = (select core.current_user_id())', 'the person whose row it is');
call core.define_access('staff', 'true', 'platform staff', 'rowhouse_admin');

-- one policy of one command; select and delete have no check, insert has nothing else
create or replace procedure core.create_policy(target regclass, command text, word text)
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
declare
  v_word core.access_words;
begin
  select w.* into v_word from core.access_words w where w.word = create_policy.word;
  if not found then
    perform core.raise_error('RH905', format('%s is no word of access rules.', create_policy.word),
      'See core.access_words, or write the policy out.');
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
  E'@errors RH905\nWrites one policy from a word.';

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
  E'@errors RH905\nOpens the doors of a secured table by words of core.access_words: read (select), write (insert, update and delete), or each command by itself. Several words, as in ''self, can_view_analytics'', are several doors. A door that is not named stays closed. Staff who may write may do everything.';

create or replace view core.who_may with (security_invoker = true) as
select c.oid::regclass::text as table_name,
       command.name as command,
       grantee.rolname::text as role,
       coalesce(word.who, 'those for whom: ' || coalesce(pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))) as who,
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
  join pg_roles grantee on grantee.oid = any (p.polroles) and grantee.rolname not in ('rowhouse_owner', 'rowhouse_platform')
  left join core.access_words word on p.polname in (command.name || '_' || word.word, 'all_' || word.word)
 where c.relnamespace in (select core.api_schemas())
   and p.polcmd in ('*', command.code)
   and case command.name when 'delete' then has_table_privilege(grantee.oid, c.oid, 'delete')
         else has_any_column_privilege(grantee.oid, c.oid, command.name) end;
comment on view core.who_may is
  'Who may do what with the tables of the API, read from policies, column grants, guards and walls. Who may rename an agent? select * from core.who_may where table_name = ''app_public.agents'' and command = ''update'' and ''name'' = any (columns). A function that writes says in its own comment who may call it.';
comment on column core.who_may.table_name is 'The table, with its schema.';
comment on column core.who_may.command is 'select, insert, update or delete.';
comment on column core.who_may.role is 'The database role: rowhouse_user (people and keys), rowhouse_admin (platform staff) or rowhouse_analyst.';
comment on column core.who_may.who is 'Who it is, in words, or the condition where the policy is written out.';
comment on column core.who_may.columns is 'The columns it holds for; null for delete, which is of whole rows.';
comment on column core.who_may.rows is 'Which rows it can be at most: the wall.';
comment on column core.who_may.only_when is 'What else must hold, such as the state of the tenant.';
comment on column core.who_may.policy is 'The policy that lets them.';
