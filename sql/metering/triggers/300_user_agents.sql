create or replace trigger _400_take_statistics before insert on app_public.user_agents
  for each row execute function app_private.tg_user_agents__take_statistics();
